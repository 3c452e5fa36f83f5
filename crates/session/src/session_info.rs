use core::time::Duration;

use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::unwrap_envelope;

/// The bytes are no `SSL_SESSION`, or one cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER of an OpenSSL SSL_SESSION")]
pub struct MalformedSession;

/// A protocol version as it goes over the wire: `0x0303` is TLS 1.2, `0x0304` TLS 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// TLS 1.3 (RFC 8446).
    pub const TLS_1_3: Self = Self(0x0304);
}

/// The parts of a session that decide how it may be cached and offered. None of them is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionInfo<'blob> {
    /// The protocol version the session was made with.
    pub version: Version,
    /// Bytes of the session id, the TLS 1.2 way to resume without a ticket; 0: there is none.
    pub id_length: usize,
    /// Bytes of the ticket (RFC 5077, RFC 8446 section 4.6.1); 0: there is none.
    pub ticket_length: usize,
    /// How long the peer says it will honour the ticket, in seconds; 0 when it did not say.
    pub lifetime_hint: u64,
    /// How long this end's context lets a session live, in seconds.
    pub timeout: u64,
    /// What verifying the peer's chain gave (`X509_V_OK` is 0). A resumed handshake reports this
    /// verdict again instead of verifying.
    pub verify_result: u64,
    /// The DER of the peer's own certificate, without its chain.
    pub leaf: Option<&'blob [u8]>,
}

// Field numbers of SSL_SESSION_ASN1 in OpenSSL's ssl/ssl_asn1.c.
const TIMEOUT: TagNumber = TagNumber(2);
const PEER: TagNumber = TagNumber(3);
const VERIFY_RESULT: TagNumber = TagNumber(5);
const LIFETIME_HINT: TagNumber = TagNumber(9);
const TICKET: TagNumber = TagNumber(10);

const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl<'blob> SessionInfo<'blob> {
    /// Reads a blob as Node's `session` or `newSession` event delivers it, with or without Node's
    /// envelope.
    ///
    /// # Errors
    /// [`MalformedSession`] for anything else. Never panics, whatever the bytes.
    pub fn parse(blob: &'blob [u8]) -> Result<Self, MalformedSession> {
        let (_, der) = unwrap_envelope(blob)?;
        Self::parse_der(der).map_err(|_| MalformedSession)
    }

    fn parse_der(der: &'blob [u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let info = reader.sequence(|fields| {
            // The version of the structure: OpenSSL reads no other either.
            if u8::decode(fields)? != 1 {
                return Err(Tag::Integer.value_error().into());
            }
            let version = Version(u16::decode(fields)?);
            <&OctetStringRef>::decode(fields)?; // cipher suite
            let id = <&OctetStringRef>::decode(fields)?;
            <&OctetStringRef>::decode(fields)?; // master secret: passed over, never kept
            let mut info = Self {
                version,
                id_length: id.as_bytes().len(),
                ticket_length: 0,
                lifetime_hint: 0,
                timeout: 0,
                verify_result: 0,
                leaf: None,
            };
            while !fields.is_finished() {
                info.read_optional(AnyRef::decode(fields)?)?;
            }
            Ok::<_, der::Error>(info)
        })?;
        reader.finish()?;
        Ok(info)
    }

    fn read_optional(&mut self, field: AnyRef<'blob>) -> Result<(), der::Error> {
        let tag = field.tag();
        if !tag.is_context_specific() {
            return Err(tag.value_error().into());
        }
        match tag.number() {
            TIMEOUT => self.timeout = u64::from_der(field.value())?,
            PEER => self.leaf = Some(field.value()),
            VERIFY_RESULT => self.verify_result = u64::from_der(field.value())?,
            LIFETIME_HINT => self.lifetime_hint = u64::from_der(field.value())?,
            TICKET => {
                self.ticket_length = <&OctetStringRef>::from_der(field.value())?.as_bytes().len();
            }
            _ => {}
        }
        Ok(())
    }

    /// How long a client may keep the session: the least of the peer's hint, its own context's
    /// timeout and seven days (RFC 8446 section 4.6.1). `None`: it must not be kept, because there
    /// is nothing to resume with, or because a TLS 1.3 server said zero, which means "discard".
    ///
    /// In TLS 1.2 a hint of zero means "unspecified" (RFC 5077 section 3.3).
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        let is_tls_1_3 = self.version >= Version::TLS_1_3;
        let resumable = self.ticket_length > 0 || (self.id_length > 0 && !is_tls_1_3);
        if !resumable || (is_tls_1_3 && self.lifetime_hint == 0) {
            return None;
        }
        [self.lifetime_hint, self.timeout]
            .into_iter()
            .filter(|&seconds| seconds > 0)
            .map(Duration::from_secs)
            .chain([SEVEN_DAYS])
            .min()
    }
}
