use crate::MalformedSession;

/// The prefix of a client session in Node.js >= 22.23, 24.17 and 26.3.
///
/// A big-endian `u16` follows it, then as many bytes of server name, then the `SSL_SESSION`.
const PREFIX: &[u8] = b"\0nodejs:tls:session:1\0";

/// Splits a blob into the server name of Node's envelope and the DER. Without an envelope the name is `None`.
///
/// # Errors
///
/// [`MalformedSession`] if the envelope is truncated.
pub fn unwrap_envelope(blob: &[u8]) -> Result<(Option<&[u8]>, &[u8]), MalformedSession> {
    let Some(rest) = blob.strip_prefix(PREFIX) else { return Ok((None, blob)) };
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(MalformedSession)?;
    let (name, der) =
        rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(MalformedSession)?;
    Ok((Some(name), der))
}
