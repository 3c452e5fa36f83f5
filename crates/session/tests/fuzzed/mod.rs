//! What must hold for any bytes whatever. The fuzzer's target `session` and the test `any_bytes` run it.

use std::time::Duration;

use asn1_rs::{Any, Class, FromDer};
use tls_resumption_session::{SessionInfo, replace_leaf, unwrap_envelope};

/// # Panics
///
/// If a reading is not what an independent reader of DER finds, or reaches beyond the blob.
pub fn session(blob: &[u8]) {
    let envelope = unwrap_envelope(blob);
    if let Ok((name, der)) = envelope {
        let wrapping = name.map_or(0, |name| name.len() + b"\0nodejs:tls:session:1\0".len() + 2);
        assert_eq!(wrapping + der.len(), blob.len());
        assert!(is_within(name.unwrap_or(&blob[..0]), blob) && is_within(der, blob));
    }
    let Ok(info) = SessionInfo::parse(blob) else { return };
    let (_, der) = envelope.expect("what is parsed is unwrapped before");
    if let Some(lifetime) = info.lifetime() {
        assert!(lifetime > Duration::ZERO && lifetime <= Duration::from_secs(7 * 24 * 60 * 60));
        assert!(info.ticket_length > 0 || info.id_length > 0);
    }
    assert!(is_within(info.leaf.unwrap_or(&blob[..0]), blob));
    agrees(&info, der);
    if let Some(leaf) = info.leaf {
        is_replaced(&info, leaf, blob);
    }
}

/// With another certificate it is the same session; with its own again, the same bytes.
fn is_replaced(info: &SessionInfo<'_>, leaf: &[u8], blob: &[u8]) {
    let replaced = |blob: &[u8], leaf: &[u8]| {
        let needed = replace_leaf(blob, leaf, &mut []).expect("it has one");
        let mut out = vec![0; needed];
        assert_eq!(replace_leaf(blob, leaf, &mut out), Ok(needed));
        out
    };
    for other in [&[5, 0][..], &[4, 1, 7], &[9; 300]] {
        let changed = replaced(blob, other);
        assert_eq!(SessionInfo::parse(&changed), Ok(SessionInfo { leaf: Some(other), ..*info }));
        assert!(replaced(&changed, leaf) == blob);
    }
}

/// Reads it once more with another library.
fn agrees(info: &SessionInfo<'_>, der: &[u8]) {
    let (rest, outer) = Any::from_der(der).expect("what is accepted is DER");
    assert!(rest.is_empty() && outer.tag().0 == 16);
    let mut left = outer.data;
    let mut next = || {
        let (rest, field) = Any::from_der(left).ok()?;
        left = rest;
        Some(field)
    };
    let mut mandatory = || next().expect("there are five");
    assert_eq!(mandatory().as_u8(), Ok(1), "the version of the structure");
    assert_eq!(mandatory().as_u16(), Ok(info.version.0));
    mandatory();
    assert_eq!(mandatory().data.len(), info.id_length);
    mandatory();
    let mut expected = SessionInfo { ticket_length: 0, leaf: None, ..*info };
    (expected.lifetime_hint, expected.timeout, expected.verify_result) = (0, 0, 0);
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
