//! The reader, and what replaces the certificate, against sessions assembled field by field, after OpenSSL's `ssl/ssl_asn1.c`.

use std::time::Duration;

use tls_resumption_session::{
    MalformedSession, SessionInfo, Version, replace_leaf, unwrap_envelope,
};

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

fn verdict(verify_result: u64) -> Vec<u8> {
    explicit(5, &integer(verify_result))
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

fn timeout(seconds: u64) -> Vec<u8> {
    explicit(2, &integer(seconds))
}

fn lifetime(blob: &[u8]) -> Option<Duration> {
    SessionInfo::parse(blob).unwrap().lifetime()
}

#[test]
fn every_field_is_read() {
    let blob = session(TLS_1_3, &[1; 32], &[timeout(7200), verdict(20), hint(300), ticket()]);
    assert_eq!(
        SessionInfo::parse(&blob),
        Ok(SessionInfo {
            version: Version::TLS_1_3,
            id_length: 32,
            ticket_length: 200,
            lifetime_hint: 300,
            timeout: 7200,
            verify_result: 20,
            leaf: None,
        })
    );
}

#[test]
fn fields_of_no_concern_are_passed_over() {
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
fn the_envelope_of_newer_nodes_is_taken_off() {
    let der = session(TLS_1_3, &[], &[hint(300), ticket()]);
    let mut blob = b"\0nodejs:tls:session:1\0\0\x0bexample.org".to_vec();
    blob.extend(&der);
    assert_eq!(unwrap_envelope(&blob), Ok((Some(&b"example.org"[..]), &der[..])));
    assert_eq!(SessionInfo::parse(&blob), SessionInfo::parse(&der));
}

#[test]
fn the_lifetime_is_the_least_of_hint_timeout_and_seven_days() {
    let of = |hint_s, timeout_s| {
        lifetime(&session(TLS_1_3, &[], &[timeout(timeout_s), hint(hint_s), ticket()]))
    };
    assert_eq!(of(300, 7200), Some(Duration::from_secs(300)));
    assert_eq!(of(7200, 300), Some(Duration::from_secs(300)));
    assert_eq!(of(u64::from(u32::MAX), u64::from(u32::MAX)), Some(Duration::from_secs(604_800)));
}

#[test]
fn a_tls_1_3_ticket_of_lifetime_zero_is_to_be_discarded() {
    assert_eq!(lifetime(&session(TLS_1_3, &[], &[timeout(7200), ticket()])), None);
}

#[test]
fn a_tls_1_2_ticket_without_a_hint_lives_as_long_as_the_context_says() {
    let blob = session(TLS_1_2, &[], &[timeout(7200), ticket()]);
    assert_eq!(lifetime(&blob), Some(Duration::from_secs(7200)));
}

#[test]
fn a_tls_1_2_session_resumes_by_its_id_alone() {
    assert_eq!(
        lifetime(&session(TLS_1_2, &[1; 32], &[timeout(60)])),
        Some(Duration::from_secs(60))
    );
}

#[test]
fn a_session_with_nothing_to_resume_by_has_no_lifetime() {
    assert_eq!(lifetime(&session(TLS_1_2, &[], &[timeout(60)])), None);
    // The id of a TLS 1.3 session resumes nothing.
    assert_eq!(lifetime(&session(TLS_1_3, &[1; 32], &[timeout(60), hint(60)])), None);
}

#[test]
fn every_truncation_is_malformed() {
    let mut blob = b"\0nodejs:tls:session:1\0\0\x0bexample.org".to_vec();
    blob.extend(session(TLS_1_3, &[1; 32], &[timeout(7200), hint(300), ticket()]));
    for end in 0..blob.len() {
        assert_eq!(SessionInfo::parse(&blob[..end]), Err(MalformedSession), "cut at {end}");
    }
}

#[test]
fn bytes_after_the_session_are_malformed() {
    let mut blob = session(TLS_1_3, &[], &[hint(300), ticket()]);
    blob.push(0);
    assert_eq!(SessionInfo::parse(&blob), Err(MalformedSession));
}

#[test]
fn a_structure_of_another_version_is_malformed() {
    let mut blob = session(TLS_1_3, &[], &[hint(300), ticket()]);
    let version = blob.windows(3).position(|bytes| bytes == [INTEGER, 1, 1]).unwrap() + 2;
    blob[version] = 2;
    assert_eq!(SessionInfo::parse(&blob), Err(MalformedSession));
}

#[test]
fn a_single_flipped_bit_never_panics() {
    let blob = session(TLS_1_3, &[1; 32], &[timeout(7200), hint(300), ticket()]);
    for bit in 0..blob.len() * 8 {
        let mut flipped = blob.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = SessionInfo::parse(&flipped).map(|info| info.lifetime());
    }
}

fn certificate(length: usize) -> Vec<u8> {
    tlv(SEQUENCE, &vec![5; length])
}

fn with_certificate(certificate: &[u8]) -> Vec<u8> {
    let fields = [timeout(60), explicit(3, certificate), verdict(20), ticket()];
    let mut blob = b"\0nodejs:tls:session:1\0\0\x0bexample.org".to_vec();
    blob.extend(session(TLS_1_2, &[1; 32], &fields));
    blob
}

#[test]
fn another_certificate_leaves_the_rest_as_it_is() {
    // On both sides of where a length takes another byte.
    for (before, after) in [(900, 60), (60, 900), (100, 130), (130, 100), (0, 0)] {
        let (before, after) = (certificate(before), certificate(after));
        let (blob, expected) = (with_certificate(&before), with_certificate(&after));
        let mut out = vec![0; expected.len()];
        assert_eq!(replace_leaf(&blob, &after, &mut out), Ok(expected.len()));
        assert_eq!(out, expected);
    }
}

#[test]
fn where_there_is_no_room_for_another_certificate_nothing_is_written() {
    let blob = with_certificate(&certificate(900));
    let length = replace_leaf(&blob, &certificate(60), &mut []).unwrap();
    let mut out = vec![7; length - 1];
    assert_eq!(replace_leaf(&blob, &certificate(60), &mut out), Ok(length));
    assert_eq!(out, vec![7; length - 1]);
}

#[test]
fn what_has_no_certificate_gets_none() {
    let without = session(TLS_1_2, &[1; 32], &[timeout(60), ticket()]);
    for blob in [&without[..], b"", b"not a session"] {
        let mut out = [0; 1000];
        assert_eq!(replace_leaf(blob, &certificate(60), &mut out), Err(MalformedSession));
    }
}
