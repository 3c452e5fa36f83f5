use core::time::Duration;

use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::unwrap_envelope;

/// The bytes are not a complete `SSL_SESSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER of an OpenSSL SSL_SESSION")]
#[non_exhaustive]
pub struct MalformedSession;

/// A protocol version as sent on the wire: `0x0303` is TLS 1.2, `0x0304` is TLS 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// TLS 1.3 (RFC 8446).
    pub const TLS_1_3: Self = Self(0x0304);
}

/// The facts of a session that decide whether it may be cached and offered. None of them is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo<'blob> {
    /// The protocol version of the session.
    pub version: Version,
    /// The length of the session ID in bytes; 0 if there is none. TLS 1.2 resumes with it without a ticket.
    pub id_length: usize,
    /// The length of the ticket in bytes (RFC 5077, RFC 8446 section 4.6.1); 0 if there is none.
    pub ticket_length: usize,
    /// The lifetime that the peer gave the ticket, in whole seconds; zero if it gave none.
    pub lifetime_hint: Duration,
    /// When the session was established, in seconds since 1970 by the local clock; 0 if it does not say.
    pub time: i64,
    /// The session timeout of the local context, in whole seconds.
    pub timeout: Duration,
    /// The verification result of the peer's chain (`X509_V_OK` is 0). A resumed handshake reports it again and
    /// does not verify.
    pub verify_result: u64,
    /// How many bytes of 0-RTT data the peer accepts with this session (RFC 8446 section 4.2.10); 0 for none.
    pub max_early_data: u64,
    /// The leaf certificate of the peer as DER, without its chain.
    pub leaf: Option<&'blob [u8]>,
}

// Field numbers of SSL_SESSION_ASN1 in OpenSSL's ssl/ssl_asn1.c.
const TIME: TagNumber = TagNumber(1);
const TIMEOUT: TagNumber = TagNumber(2);
const PEER: TagNumber = TagNumber(3);
const VERIFY_RESULT: TagNumber = TagNumber(5);
const LIFETIME_HINT: TagNumber = TagNumber(9);
const TICKET: TagNumber = TagNumber(10);
const MAX_EARLY_DATA: TagNumber = TagNumber(15);

const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl<'blob> SessionInfo<'blob> {
    /// Parses a blob of Node's `session` or `newSession` event, with or without Node's envelope.
    ///
    /// # Errors
    ///
    /// [`MalformedSession`] for any other bytes. Never panics.
    pub fn parse(blob: &'blob [u8]) -> Result<Self, MalformedSession> {
        let (_, der) = unwrap_envelope(blob)?;
        Self::parse_der(der).map_err(|_| MalformedSession)
    }

    fn parse_der(der: &'blob [u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let info = reader.sequence(|fields| {
            // The version of the structure. OpenSSL also accepts no other.
            if u8::decode(fields)? != 1 {
                return Err(Tag::Integer.value_error().into());
            }
            let version = Version(u16::decode(fields)?);
            <&OctetStringRef>::decode(fields)?; // cipher suite
            let id = <&OctetStringRef>::decode(fields)?;
            <&OctetStringRef>::decode(fields)?; // master secret: skipped, never kept
            let mut info = Self {
                version,
                id_length: id.as_bytes().len(),
                ticket_length: 0,
                lifetime_hint: Duration::ZERO,
                time: 0,
                timeout: Duration::ZERO,
                verify_result: 0,
                max_early_data: 0,
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
            TIME => self.time = i64::from_der(field.value())?,
            TIMEOUT => self.timeout = seconds(field)?,
            PEER => self.leaf = Some(field.value()),
            VERIFY_RESULT => self.verify_result = u64::from_der(field.value())?,
            MAX_EARLY_DATA => self.max_early_data = u64::from_der(field.value())?,
            LIFETIME_HINT => self.lifetime_hint = seconds(field)?,
            TICKET => {
                self.ticket_length = <&OctetStringRef>::from_der(field.value())?.as_bytes().len();
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns how long a client may keep the session, or `None` if it must not keep it.
    ///
    /// The lifetime is the minimum of the peer's hint, the timeout of the local context, and seven days (RFC 8446
    /// section 4.6.1). A session without a ticket and without a TLS 1.2 session ID cannot be resumed. A TLS 1.3 hint
    /// of zero means "discard". A TLS 1.2 hint of zero means "unspecified" (RFC 5077 section 3.3).
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        let is_tls_1_3 = self.version >= Version::TLS_1_3;
        let resumable = self.ticket_length > 0 || (self.id_length > 0 && !is_tls_1_3);
        if !resumable || (is_tls_1_3 && self.lifetime_hint.is_zero()) {
            return None;
        }
        [self.lifetime_hint, self.timeout]
            .into_iter()
            .filter(|time| !time.is_zero())
            .chain([SEVEN_DAYS])
            .min()
    }
}

fn seconds(field: AnyRef<'_>) -> Result<Duration, der::Error> {
    u64::from_der(field.value()).map(Duration::from_secs)
}
