use core::ptr;

use der::asn1::AnyRef;
use der::{Decode, Encode, Header, Length, Reader, SliceReader, SliceWriter, Tag, Tagged, Writer};

use crate::{MalformedSession, SessionInfo, unwrap_envelope};

/// Writes a session to `out` with another certificate in the place of its peer's, and returns how many bytes that
/// takes. Where `out` has less room, it is left as it is.
///
/// Everything else, Node's envelope included, stays byte for byte. `certificate` is DER, and is not looked at.
///
/// # Errors
/// [`MalformedSession`] where `blob` is no session, or one without a certificate. Never panics, whatever the bytes.
///
/// ```
/// use tls_resumption_session::{SessionInfo, replace_leaf};
///
/// // Of TLS 1.2, with a cipher suite, no id, no secret, and a certificate that is a NULL.
/// let session = [0x30, 18, 2, 1, 1, 2, 2, 3, 3, 4, 1, 0, 4, 0, 4, 0, 0xa3, 2, 5, 0];
/// let mut out = [0; 64];
/// let length = replace_leaf(&session, &[4, 1, 7], &mut out)?;
/// assert_eq!(SessionInfo::parse(&out[..length])?.leaf, Some(&[4, 1, 7][..]));
/// # Ok::<(), tls_resumption_session::MalformedSession>(())
/// ```
pub fn replace_leaf(
    blob: &[u8],
    certificate: &[u8],
    out: &mut [u8],
) -> Result<usize, MalformedSession> {
    let leaf = SessionInfo::parse(blob)?.leaf.ok_or(MalformedSession)?;
    let (_, der) = unwrap_envelope(blob)?;
    let (envelope, _) = blob.split_at(blob.len() - der.len());
    write(envelope, der, leaf, certificate, out).map_err(|_| MalformedSession)
}

fn write(
    envelope: &[u8],
    der: &[u8],
    leaf: &[u8],
    certificate: &[u8],
    out: &mut [u8],
) -> Result<usize, der::Error> {
    let body = AnyRef::from_der(der)?.value();
    let mut fields = SliceReader::new(body)?;
    let mut before = Length::ZERO;
    let tag = loop {
        let field = AnyRef::decode(&mut fields)?;
        if ptr::eq(field.value(), leaf) {
            break field.tag();
        }
        before = fields.position();
    };
    let before = &body[..usize::try_from(before)?];
    let after = fields.read_slice(fields.remaining_len())?;

    let peer = AnyRef::new(tag, certificate)?;
    let rest = Length::try_from(before.len() + after.len())?;
    let header = Header::new(Tag::Sequence, (rest + peer.encoded_len()?)?);
    let needed = envelope.len() + usize::try_from((header.encoded_len()? + header.length())?)?;
    if let Some(out) = out.get_mut(..needed) {
        let mut writer = SliceWriter::new(out);
        writer.write(envelope)?;
        header.encode(&mut writer)?;
        writer.write(before)?;
        peer.encode(&mut writer)?;
        writer.write(after)?;
    }
    Ok(needed)
}
