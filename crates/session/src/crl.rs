use core::time::Duration;

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, Tagged};

use crate::pem;

const LABEL: &str = "X509 CRL";

/// The bytes are not one or several complete CRLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate revocation list in PEM or DER")]
#[non_exhaustive]
pub struct MalformedCrl;

/// Returns the earliest `nextUpdate` of the CRLs that are current at `now`, or `None` if no current CRL has one.
///
/// A CRL is current from its `thisUpdate` on, and until its `nextUpdate` (RFC 5280 sections 5.1.2.4 and 5.1.2.5). Times
/// count from 1970. The bytes are PEM, in which blocks with other labels are skipped, or one or several CRLs in DER.
/// Signatures are not verified: OpenSSL does that in each full handshake.
///
/// ```
/// use std::time::Duration;
/// use tls_resumption_session::crl_next_update;
///
/// assert!(crl_next_update(b"not a CRL", Duration::ZERO).is_err());
/// ```
///
/// # Errors
///
/// [`MalformedCrl`] if there is no CRL, or if one is malformed. Never panics.
pub fn crl_next_update(bytes: &[u8], now: Duration) -> Result<Option<Duration>, MalformedCrl> {
    let mut bound = Bound { now, earliest: None };
    if pem::is_pem(bytes) {
        let mut blocks = pem::blocks(bytes, LABEL).peekable();
        blocks.peek().ok_or(MalformedCrl)?;
        for block in blocks {
            let der = block.map_err(|_| MalformedCrl)?;
            bound.add_all(&der).map_err(|_| MalformedCrl)?;
        }
    } else {
        bound.add_all(bytes).map_err(|_| MalformedCrl)?;
    }
    Ok(bound.earliest)
}

struct Bound {
    now: Duration,
    earliest: Option<Duration>,
}

impl Bound {
    fn add_all(&mut self, der: &[u8]) -> Result<(), der::Error> {
        let mut reader = SliceReader::new(der)?;
        loop {
            let (this_update, next_update) = read_times(&mut reader)?;
            let is_current = this_update <= self.now;
            let next_update = next_update.filter(|next| is_current && *next > self.now);
            self.earliest = self.earliest.into_iter().chain(next_update).min();
            if reader.is_finished() {
                return Ok(());
            }
        }
    }
}

/// Reads a `CertificateList` (RFC 5280 section 5.1): its `thisUpdate`, and its `nextUpdate` if it has one.
fn read_times<'der>(
    reader: &mut impl Reader<'der>,
) -> Result<(Duration, Option<Duration>), der::Error> {
    reader.sequence(|list| {
        let times = list.sequence(|tbs| {
            let mut field = AnyRef::decode(tbs)?;
            if field.tag() == Tag::Integer {
                field = AnyRef::decode(tbs)?; // behind the version
            }
            field.tag().assert_eq(Tag::Sequence)?; // signature algorithm
            expect_sequence(tbs)?; // issuer
            let this_update = read_time(AnyRef::decode(tbs)?)?;
            let mut next_update = None;
            if !tbs.is_finished() {
                let field = AnyRef::decode(tbs)?;
                if is_time(field.tag()) {
                    next_update = Some(read_time(field)?);
                }
            }
            while !tbs.is_finished() {
                AnyRef::decode(tbs)?; // revoked certificates, extensions
            }
            Ok::<_, der::Error>((this_update, next_update))
        })?;
        expect_sequence(list)?; // signature algorithm
        BitStringRef::decode(list)?;
        Ok(times)
    })
}

fn expect_sequence<'der>(reader: &mut impl Reader<'der>) -> Result<(), der::Error> {
    AnyRef::decode(reader)?.tag().assert_eq(Tag::Sequence)?;
    Ok(())
}

fn is_time(tag: Tag) -> bool {
    matches!(tag, Tag::UtcTime | Tag::GeneralizedTime)
}

fn read_time(field: AnyRef<'_>) -> Result<Duration, der::Error> {
    match field.tag() {
        Tag::UtcTime => field.decode_as::<UtcTime>().map(|time| time.to_unix_duration()),
        _ => field.decode_as::<GeneralizedTime>().map(|time| time.to_unix_duration()),
    }
}
