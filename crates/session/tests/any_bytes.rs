//! Runs the checks of the fuzz target briefly: on random bytes, and on sessions with random changes.

mod fuzzed;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

/// A session in Node's envelope with each field that is read, as OpenSSL writes it (`ssl/ssl_asn1.c`).
const SESSION: &[u8] = b"\0nodejs:tls:session:1\0\0\x03a.b\
    \x30\x3c\x02\x01\x01\x02\x02\x03\x04\x04\x02\x13\x02\x04\x02\x01\x02\x04\x04\x07\x07\x07\x07\
    \xa1\x04\x02\x02\x12\x34\xa2\x04\x02\x02\x1c\x20\xa3\x07\x30\x05\x04\x03\x05\x05\x05\
    \xa5\x03\x02\x01\x14\xa9\x04\x02\x02\x01\x2c\xaa\x05\x04\x03\x09\x09\x09";
const ENVELOPE: usize = 22 + 2 + 3;

/// Current in January 2026.
const LIST: &[u8] = include_bytes!("crls/january.der");
const IN_JANUARY: Duration = Duration::from_secs(1_768_000_000);

#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Double(prop::sample::Index, usize),
}

fn a_change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => at().prop_map(Change::Remove),
        1 => (at(), 1..9_usize).prop_map(|(at, count)| Change::Double(at, count)),
    ]
}

fn changed(mut blob: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if blob.is_empty() {
            break;
        }
        match change {
            Change::Set(at, byte) => *at.get_mut(&mut blob) = *byte,
            Change::Insert(at, bytes) => {
                let at = at.index(blob.len());
                blob.splice(at..at, bytes.iter().copied());
            }
            Change::Remove(at) => {
                blob.remove(at.index(blob.len()));
            }
            Change::Double(at, count) => {
                let at = at.index(blob.len());
                let part = blob[at..blob.len().min(at + count)].to_vec();
                blob.splice(at..at, part);
            }
        }
    }
    blob
}

#[test]
fn the_session_to_be_changed_is_valid() {
    let info = tls_resumption_session::SessionInfo::parse(SESSION).unwrap();
    assert!(info.id_length > 0 && info.ticket_length > 0 && info.leaf.is_some());
    let [hint, timeout] = [300, 7200].map(Duration::from_secs);
    assert_eq!((info.lifetime_hint, info.timeout), (hint, timeout));
    assert_eq!((info.verify_result, info.time), (20, 0x1234));
    fuzzed::session(SESSION);
}

#[test]
fn the_list_to_be_changed_is_current() {
    assert!(tls_resumption_session::crl_next_update(LIST, IN_JANUARY).unwrap().is_some());
    fuzzed::crl(LIST, IN_JANUARY);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(blob in vec(any::<u8>(), 0..300)) {
        fuzzed::session(&blob);
        fuzzed::crl(&blob, IN_JANUARY);
    }

    #[test]
    fn a_list_with_random_changes(changes in vec(a_change(), 1..4)) {
        fuzzed::crl(&changed(LIST.to_vec(), &changes), IN_JANUARY);
    }

    #[test]
    fn a_session_with_random_changes(
        wrapped in any::<bool>(),
        changes in vec(a_change(), 1..4),
    ) {
        let session = if wrapped { SESSION } else { &SESSION[ENVELOPE..] };
        fuzzed::session(&changed(session.to_vec(), &changes));
    }
}
