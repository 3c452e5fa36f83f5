//! Properties that hold for any bytes. The fuzz targets `session` and `crl` and the test `any_bytes` check them.

use std::time::Duration;

use asn1_rs::{Any, Class, FromDer};
use tls_resumption_session::{SessionInfo, crl_next_update, unwrap_envelope};

/// # Panics
///
/// Panics if the result differs from that of an independent DER reader, or if a slice reaches beyond the blob.
pub fn session(blob: &[u8]) {
    let envelope = unwrap_envelope(blob);
    if let Ok((name, der)) = envelope {
        let wrapping = name.map_or(0, |name| name.len() + b"\0nodejs:tls:session:1\0".len() + 2);
        assert_eq!(wrapping + der.len(), blob.len());
        assert!(is_within(name.unwrap_or(&blob[..0]), blob) && is_within(der, blob));
    }
    let Ok(info) = SessionInfo::parse(blob) else { return };
    let (_, der) = envelope.expect("a parsed blob has a valid envelope");
    if let Some(lifetime) = info.lifetime() {
        assert!(lifetime > Duration::ZERO && lifetime <= Duration::from_secs(7 * 24 * 60 * 60));
        assert!(info.ticket_length > 0 || info.id_length > 0);
    }
    assert!(is_within(info.leaf.unwrap_or(&blob[..0]), blob));
    assert_agrees_with_other_reader(&info, der);
}

/// # Panics
///
/// Panics if a bound is not in the future, if it ends early or late, or if the form of the list or the time decides
/// whether it is malformed.
pub fn crl(bytes: &[u8], now: Duration) {
    let bound = crl_next_update(bytes, now);
    assert_eq!(bound.is_err(), crl_next_update(bytes, Duration::ZERO).is_err());
    if let Ok(Some(end)) = bound {
        assert!(end > now);
        let just_before = end.saturating_sub(Duration::from_millis(1));
        assert_eq!(crl_next_update(bytes, just_before), bound);
        assert_ne!(crl_next_update(bytes, end), bound);
    }
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        assert_eq!(crl_next_update(&to_pem(bytes), now), bound);
        if bound.is_ok() {
            let (_, list) = Any::from_der(bytes).expect("an accepted list is DER");
            assert_eq!(list.tag().0, 16);
        }
    }
}

fn to_pem(der: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = b"-----BEGIN X509 CRL-----\n".to_vec();
    for group in der.chunks(3) {
        let mut bytes = [0; 4];
        bytes[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bytes) as usize;
        for digit in 0..4 {
            let known = digit <= group.len();
            text.push(if known { DIGITS[bits >> (18 - 6 * digit) & 63] } else { b'=' });
        }
    }
    text.extend(b"\n-----END X509 CRL-----\n");
    text
}

/// Compares the result with that of another DER library.
fn assert_agrees_with_other_reader(info: &SessionInfo<'_>, der: &[u8]) {
    let (rest, outer) = Any::from_der(der).expect("an accepted blob is DER");
    assert!(rest.is_empty() && outer.tag().0 == 16);
    let mut left = outer.data;
    let mut next = || {
        let (rest, field) = Any::from_der(left).ok()?;
        left = rest;
        Some(field)
    };
    let mut mandatory = || next().expect("there are five mandatory fields");
    assert_eq!(mandatory().as_u8(), Ok(1), "the version of the structure");
    assert_eq!(mandatory().as_u16(), Ok(info.version.0));
    mandatory();
    assert_eq!(mandatory().data.len(), info.id_length);
    mandatory();
    let mut expected = *info;
    (expected.ticket_length, expected.leaf) = (0, None);
    (expected.lifetime_hint, expected.timeout) = (Duration::ZERO, Duration::ZERO);
    (expected.time, expected.verify_result) = (0, 0);
    while let Some(field) = next() {
        assert_eq!(field.class(), Class::ContextSpecific);
        let number = || Any::from_der(field.data).unwrap().1.as_u64().unwrap();
        match field.tag().0 {
            1 => expected.time = Any::from_der(field.data).unwrap().1.as_i64().unwrap(),
            2 => expected.timeout = Duration::from_secs(number()),
            3 => expected.leaf = Some(field.data),
            5 => expected.verify_result = number(),
            9 => expected.lifetime_hint = Duration::from_secs(number()),
            10 => expected.ticket_length = Any::from_der(field.data).unwrap().1.data.len(),
            _ => {}
        }
    }
    assert!(left.is_empty());
    assert_eq!(*info, expected);
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.start >= whole.start && part.end <= whole.end
}
