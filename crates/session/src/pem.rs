//! PEM (RFC 7468) as leniently as OpenSSL reads it: text between blocks, any line length, any whitespace.

use alloc::vec::Vec;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// A block of the label is not complete, or not base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedPem;

/// True if there is the beginning of a block.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// Returns the contents of the blocks with a label. Nothing follows a malformed block.
pub(crate) fn blocks<'a>(
    bytes: &'a [u8],
    label: &'a str,
) -> impl Iterator<Item = Result<Vec<u8>, MalformedPem>> + 'a {
    let mut rest = Some(bytes);
    core::iter::from_fn(move || {
        loop {
            let (_, block) = split(rest?, BEGIN)?;
            let label_and_block = split(block, DASHES).filter(|(label, _)| !label.contains(&b'\n'));
            let Some((its_label, block)) = label_and_block else {
                rest = None;
                return Some(Err(MalformedPem));
            };
            if its_label != label.as_bytes() {
                rest = Some(block);
                continue;
            }
            let content = split(block, END).and_then(|(content, end)| {
                rest = Some(end);
                end.strip_prefix(label.as_bytes())?.starts_with(DASHES).then_some(content)
            });
            let decoded = content.and_then(decode_base64).ok_or(MalformedPem);
            if decoded.is_err() {
                rest = None;
            }
            return Some(decoded);
        }
    })
}

/// Decodes base64 (RFC 4648 section 4) with padding, and whitespace anywhere.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut digits, mut padding) = (0_u32, 0, 0);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = match byte {
            _ if padding > 0 && *byte != b'=' => return None,
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                0
            }
            _ => return None,
        };
        group = group << 6 | u32::from(digit);
        digits += 1;
        if digits == 4 {
            let [_, decoded @ ..] = group.to_be_bytes();
            bytes.extend(decoded.get(..3_usize.checked_sub(padding)?)?);
            (group, digits) = (0, 0);
        }
    }
    // No group has more than two characters of padding, and nothing follows one that has some.
    (digits == 0 && padding <= 2).then_some(bytes)
}

fn split<'a>(bytes: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(bytes, by)?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_any_whitespace_and_right_padding_only() {
        assert_eq!(decode_base64(b" TW\r\nFu\tTWE=\n").as_deref(), Some(&b"ManMa"[..]));
        assert_eq!(decode_base64(b"+/8=").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(decode_base64(b"TQ==").as_deref(), Some(&b"M"[..]));
        for wrong in
            ["T", "TQ", "TQ=", "T===", "====", "TQ==TQ==", "TQ=T", "TQ======", "-Q==", "TQ\0="]
        {
            assert_eq!(decode_base64(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
