//! Properties that hold for any bytes. The fuzz target `session` and the test `any_bytes` check them.

use std::time::Duration;

use asn1_rs::{Any, Class, FromDer};
use tls_resumption_session::{SessionInfo, unwrap_envelope};

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
    let mut expected = SessionInfo { ticket_length: 0, leaf: None, ..*info };
    (expected.lifetime_hint, expected.time) = (0, 0);
    (expected.timeout, expected.verify_result) = (0, 0);
    while let Some(field) = next() {
        assert_eq!(field.class(), Class::ContextSpecific);
        let number = || Any::from_der(field.data).unwrap().1.as_u64().unwrap();
        match field.tag().0 {
            2 => expected.timeout = number(),
            3 => expected.leaf = Some(field.data),
            5 => expected.verify_result = number(),
            9 => expected.lifetime_hint = number(),
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
            1 => expected.time = Any::from_der(field.data).unwrap().1.as_i64().unwrap(),
