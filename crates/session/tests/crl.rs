//! Revocation lists that OpenSSL made (`crls/make.sh`), and lists that are assembled field by field.

use std::time::Duration;

use tls_resumption_session::{MalformedCrl, crl_next_update};

/// From 1 January 2026 to 1 February.
const JANUARY: &[u8] = include_bytes!("crls/january.pem");
const JANUARY_DER: &[u8] = include_bytes!("crls/january.der");
/// From 5 January 2026 to 12 January, with a revoked certificate.
const WEEK: &[u8] = include_bytes!("crls/week.pem");
const WEEK_DER: &[u8] = include_bytes!("crls/week.der");
/// From 1 January 2026 to 1 January 2051, which takes another type of time.
const FAR: &[u8] = include_bytes!("crls/far.pem");
const FAR_DER: &[u8] = include_bytes!("crls/far.der");

const DAY: u64 = 24 * 60 * 60;
/// 1 January 2026, in seconds since 1970.
const NEW_YEAR: u64 = 1_767_225_600;
const END_OF_JANUARY: u64 = NEW_YEAR + 31 * DAY;
const END_OF_WEEK: u64 = NEW_YEAR + 11 * DAY;
const END_OF_FAR: u64 = 2_556_144_000;

/// The bound in seconds.
fn bound(bytes: &[u8], now: u64) -> Result<Option<u64>, MalformedCrl> {
    let bound = crl_next_update(bytes, Duration::from_secs(now))?;
    Ok(bound.map(|bound| bound.as_secs()))
}

#[test]
fn a_current_list_bounds_until_its_next_update() {
    for (list, from, to) in [
        (JANUARY, NEW_YEAR, END_OF_JANUARY),
        (JANUARY_DER, NEW_YEAR, END_OF_JANUARY),
        (WEEK, NEW_YEAR + 4 * DAY, END_OF_WEEK),
        (WEEK_DER, NEW_YEAR + 4 * DAY, END_OF_WEEK),
        (FAR, NEW_YEAR, END_OF_FAR),
        (FAR_DER, NEW_YEAR, END_OF_FAR),
    ] {
        assert_eq!(bound(list, from - 1), Ok(None), "not yet valid");
        assert_eq!(bound(list, from), Ok(Some(to)));
        assert_eq!(bound(list, to - 1), Ok(Some(to)));
        assert_eq!(bound(list, to), Ok(None), "over");
    }
}

#[test]
fn of_several_lists_the_earliest_end_of_a_current_one_counts() {
    for all in [[JANUARY, WEEK, FAR].concat(), [FAR_DER, JANUARY_DER, WEEK_DER].concat()] {
        assert_eq!(bound(&all, NEW_YEAR), Ok(Some(END_OF_JANUARY)));
        assert_eq!(bound(&all, NEW_YEAR + 5 * DAY), Ok(Some(END_OF_WEEK)));
        assert_eq!(bound(&all, END_OF_WEEK), Ok(Some(END_OF_JANUARY)));
        assert_eq!(bound(&all, END_OF_JANUARY), Ok(Some(END_OF_FAR)));
        assert_eq!(bound(&all, END_OF_FAR), Ok(None));
    }
}

#[test]
fn pem_may_have_text_other_blocks_and_any_line_length() {
    let text = String::from_utf8(JANUARY.to_vec()).unwrap();
    let windows = text.replace('\n', "\r\n");
    let lines: Vec<&str> = text.trim().lines().collect();
    let [first, content @ .., last] = &lines[..] else { panic!("three lines at least") };
    let one_line = format!("{first}\n{}\n{last}", content.concat());
    let other = "-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n";
    let among_others = format!("Issuer: CN=test\n{other}{text}more text\n{other}");
    for pem in [windows, one_line, among_others] {
        assert_eq!(bound(pem.as_bytes(), NEW_YEAR), Ok(Some(END_OF_JANUARY)), "{pem}");
    }
}

#[test]
fn bytes_without_a_list_are_malformed() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for bytes in [&b""[..], b"\n", b"not a list", b"\x30\x00", certificate.as_bytes()] {
        assert!(bound(bytes, NEW_YEAR).is_err());
    }
}

#[test]
fn one_malformed_list_spoils_all() {
    let week = String::from_utf8(WEEK.to_vec()).unwrap();
    let spoilt = [
        week.replace("-----END X509 CRL-----", ""),
        week.replace("-----END X509 CRL-----", "-----END X509 CRL"),
        week.replace("END X509 CRL", "END CERTIFICATE"),
        week.replacen("X509 CRL-----\n", "X509 CRL-----\n*", 1),
        week.replacen("-----\n", "", 1),
    ];
    for spoilt in spoilt {
        let all = [JANUARY, spoilt.as_bytes()].concat();
        assert!(bound(&all, NEW_YEAR).is_err(), "{spoilt}");
    }
    for len in 0..WEEK_DER.len() {
        assert!(bound(&WEEK_DER[..len], NEW_YEAR).is_err());
        let all = [JANUARY_DER, &WEEK_DER[..len]].concat();
        assert_eq!(bound(&all, NEW_YEAR).is_err(), len > 0);
    }
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, u8::try_from(value.len()).unwrap()];
    assert!(value.len() < 128, "one byte of length");
    out.extend(value);
    out
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// A list with these fields behind the issuer.
fn list(version: bool, fields: &[Vec<u8>]) -> Vec<u8> {
    let version = if version { tlv(2, &[1]) } else { Vec::new() };
    let algorithm = tlv(SEQUENCE, &tlv(6, &[0x2a, 3]));
    let issuer = tlv(SEQUENCE, &[]);
    let tbs = [version, algorithm.clone(), issuer, fields.concat()].concat();
    let signature = tlv(3, &[0, 1, 2, 3]);
    tlv(SEQUENCE, &[tlv(SEQUENCE, &tbs), algorithm, signature].concat())
}

#[test]
fn a_list_may_have_no_version_no_next_update_and_further_fields() {
    let from = tlv(UTC_TIME, b"260101000000Z");
    let to = tlv(GENERALIZED_TIME, b"20260201000000Z");
    let revoked = tlv(SEQUENCE, &[]);
    let extensions = tlv(0xa0, &tlv(SEQUENCE, &[]));
    for version in [false, true] {
        for further in [vec![], vec![revoked.clone()], vec![revoked.clone(), extensions.clone()]] {
            let fields = |times: &[&Vec<u8>]| {
                let times = times.iter().copied().cloned();
                list(version, &times.chain(further.clone()).collect::<Vec<_>>())
            };
            let (bounded, unbounded) = (fields(&[&from, &to]), fields(&[&from]));
            assert_eq!(bound(&bounded, NEW_YEAR), Ok(Some(END_OF_JANUARY)));
            assert_eq!(bound(&unbounded, NEW_YEAR), Ok(None));
            let both = [unbounded, bounded].concat();
            assert_eq!(bound(&both, NEW_YEAR), Ok(Some(END_OF_JANUARY)));
        }
    }
}

#[test]
fn times_of_another_form_are_malformed() {
    let from = tlv(UTC_TIME, b"260101000000Z");
    for wrong in [
        tlv(UTC_TIME, b"2601010000Z"),
        tlv(UTC_TIME, b"260101000000+0100"),
        tlv(UTC_TIME, b"261301000000Z"),
        tlv(UTC_TIME, b""),
        tlv(GENERALIZED_TIME, b"20260101000000.5Z"),
        tlv(GENERALIZED_TIME, b"20260101000000"),
    ] {
        assert!(bound(&list(true, &[from.clone(), wrong.clone()]), 0).is_err());
        assert!(bound(&list(true, std::slice::from_ref(&wrong)), 0).is_err());
    }
    assert!(bound(&list(true, &[]), 0).is_err(), "there is always one");
}
