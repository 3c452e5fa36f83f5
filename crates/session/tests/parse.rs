//! The parser against sessions that are assembled field by field, after OpenSSL's `ssl/ssl_asn1.c`.

use std::time::Duration;

use tls_resumption_session::{SessionInfo, Version, unwrap_envelope};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = u16::try_from(value.len()).unwrap();
    match length.to_be_bytes() {
        [0, short @ 0..=0x7f] => out.push(short),
        [0, byte] => out.extend([0x81, byte]),
        [high, low] => out.extend([0x82, high, low]),
    }
    out.extend(value);
    out
}

fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(7);
    let mut digits = bytes[first..].to_vec();
    if digits[0] & 0x80 != 0 {
        digits.insert(0, 0);
    }
    tlv(INTEGER, &digits)
}

fn explicit(number: u8, inner: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, inner)
}

fn verify_result(value: u64) -> Vec<u8> {
    explicit(5, &integer(value))
}

fn session(version: u16, id: &[u8], optional: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = integer(1);
    fields.extend(integer(version.into()));
    fields.extend(tlv(OCTET_STRING, &[0x13, 0x02]));
    fields.extend(tlv(OCTET_STRING, id));
    fields.extend(tlv(OCTET_STRING, &[7; 48]));
    fields.extend(optional.concat());
    tlv(SEQUENCE, &fields)
}

fn ticket() -> Vec<u8> {
    explicit(10, &tlv(OCTET_STRING, &[9; 200]))
}

fn hint(seconds: u64) -> Vec<u8> {
    explicit(9, &integer(seconds))
}

fn time(seconds: u64) -> Vec<u8> {
    explicit(1, &integer(seconds))
}

fn timeout(seconds: u64) -> Vec<u8> {
    explicit(2, &integer(seconds))
}

fn lifetime(blob: &[u8]) -> Option<Duration> {
    SessionInfo::parse(blob).unwrap().lifetime()
}

#[test]
fn every_field_is_read() {
    let blob = session(
        TLS_1_3,
        &[1; 32],
        &[time(1_768_000_000), timeout(7200), verify_result(20), hint(300), ticket()],
    );
    let info = SessionInfo::parse(&blob).unwrap();
    assert_eq!((info.version, info.id_length, info.ticket_length), (Version::TLS_1_3, 32, 200));
    let [hint, timeout] = [300, 7200].map(Duration::from_secs);
    assert_eq!((info.lifetime_hint, info.timeout), (hint, timeout));
    assert_eq!((info.time, info.verify_result, info.leaf), (1_768_000_000, 20, None));
}

#[test]
fn unknown_fields_are_skipped() {
    let certificate = explicit(3, &tlv(SEQUENCE, &[5; 900]));
    let blob = session(
        TLS_1_2,
        &[1; 32],
        &[timeout(60), certificate, ticket(), explicit(19, &integer(29))],
    );
    let info = SessionInfo::parse(&blob).unwrap();
    assert_eq!(info.ticket_length, 200);
    assert_eq!(info.leaf, Some(&tlv(SEQUENCE, &[5; 900])[..]));
}

#[test]
fn the_envelope_of_newer_node_releases_is_removed() {
    let der = session(TLS_1_3, &[], &[hint(300), ticket()]);
    let mut blob = b"\0nodejs:tls:session:1\0\0\x0bexample.org".to_vec();
    blob.extend(&der);
    assert_eq!(unwrap_envelope(&blob), Ok((Some(&b"example.org"[..]), &der[..])));
    assert_eq!(SessionInfo::parse(&blob), SessionInfo::parse(&der));
}

#[test]
fn the_lifetime_is_the_minimum_of_hint_timeout_and_seven_days() {
    let of = |hint_s, timeout_s| {
        lifetime(&session(TLS_1_3, &[], &[timeout(timeout_s), hint(hint_s), ticket()]))
    };
    assert_eq!(of(300, 7200), Some(Duration::from_secs(300)));
    assert_eq!(of(7200, 300), Some(Duration::from_secs(300)));
    assert_eq!(of(u64::from(u32::MAX), u64::from(u32::MAX)), Some(Duration::from_secs(604_800)));
}

#[test]
fn a_tls_1_3_ticket_with_lifetime_zero_has_no_lifetime() {
    assert_eq!(lifetime(&session(TLS_1_3, &[], &[timeout(7200), ticket()])), None);
}

#[test]
fn a_tls_1_2_ticket_without_a_hint_uses_the_timeout_of_the_context() {
    let blob = session(TLS_1_2, &[], &[timeout(7200), ticket()]);
    assert_eq!(lifetime(&blob), Some(Duration::from_secs(7200)));
}

#[test]
fn a_tls_1_2_session_id_without_a_ticket_has_a_lifetime() {
    assert_eq!(
        lifetime(&session(TLS_1_2, &[1; 32], &[timeout(60)])),
        Some(Duration::from_secs(60))
    );
}

#[test]
fn a_session_without_ticket_and_id_has_no_lifetime() {
    assert_eq!(lifetime(&session(TLS_1_2, &[], &[timeout(60)])), None);
    // TLS 1.3 does not resume by session ID.
    assert_eq!(lifetime(&session(TLS_1_3, &[1; 32], &[timeout(60), hint(60)])), None);
}

#[test]
fn every_truncated_blob_is_malformed() {
    let mut blob = b"\0nodejs:tls:session:1\0\0\x0bexample.org".to_vec();
    blob.extend(session(TLS_1_3, &[1; 32], &[timeout(7200), hint(300), ticket()]));
    for end in 0..blob.len() {
        assert!(SessionInfo::parse(&blob[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn trailing_bytes_are_malformed() {
    let mut blob = session(TLS_1_3, &[], &[hint(300), ticket()]);
    blob.push(0);
    assert!(SessionInfo::parse(&blob).is_err());
}

#[test]
fn another_structure_version_is_malformed() {
    let mut blob = session(TLS_1_3, &[], &[hint(300), ticket()]);
    let version = blob.windows(3).position(|bytes| bytes == [INTEGER, 1, 1]).unwrap() + 2;
    blob[version] = 2;
    assert!(SessionInfo::parse(&blob).is_err());
}

#[test]
fn a_flipped_bit_never_panics() {
    let blob = session(TLS_1_3, &[1; 32], &[timeout(7200), hint(300), ticket()]);
    for bit in 0..blob.len() * 8 {
        let mut flipped = blob.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = SessionInfo::parse(&flipped).map(|info| info.lifetime());
    }
}
