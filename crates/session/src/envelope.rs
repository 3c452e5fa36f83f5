use crate::MalformedSession;

/// What Node >= 22.23 / 24.17 / 26.3 puts before a client session, followed by a big-endian `u16`
/// length, that many bytes of server name, and the `SSL_SESSION` itself.
const PREFIX: &[u8] = b"\0nodejs:tls:session:1\0";

/// Splits a blob into the server name of Node's envelope, if it wears one, and the DER within.
///
/// # Errors
/// [`MalformedSession`] where an envelope is cut short.
pub fn unwrap_envelope(blob: &[u8]) -> Result<(Option<&[u8]>, &[u8]), MalformedSession> {
    let Some(rest) = blob.strip_prefix(PREFIX) else { return Ok((None, blob)) };
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(MalformedSession)?;
    let (name, der) =
        rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(MalformedSession)?;
    Ok((Some(name), der))
}
