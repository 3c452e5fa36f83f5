use tls_resumption_core::{ANNOTATION_LEN, Cache, EntryId, Rejected};

use crate::common::{cache, cache_and_clock, key, living, max_bytes, millis, plain};

const ANNOTATION: [u8; ANNOTATION_LEN] = [7; ANNOTATION_LEN];

#[test]
fn an_annotation_needs_its_own_room_in_the_buffer() {
    let cache = Cache::default();
    cache.put_annotated(key("a"), &ANNOTATION, b"12345", plain()).unwrap();
    let needed = ANNOTATION_LEN + 5;
    let mut out = vec![1; needed];
    let too_small = cache.offer_annotated_into(key("a"), &mut out[1..]);
    assert_eq!(too_small.unwrap_err().needed, needed);
    assert_eq!((out[1], cache.stats().hits), (1, 0));
    assert_eq!(cache.get_into(key("a"), &mut out[..5]), Ok(Some(5)));
    assert_eq!(cache.get_into(key("a"), &mut out[..4]).unwrap_err().needed, 5);
    assert_eq!(cache.offer_annotated_into(key("a"), &mut out), Ok(Some(needed)));
    assert_eq!(out, [&ANNOTATION[..], b"12345"].concat());
}

#[test]
fn an_annotation_counts_as_bytes() {
    let cache = cache(|builder| builder.max_bytes(max_bytes(100)));
    cache.put_annotated(key("a"), &ANNOTATION, &[1; 100 - ANNOTATION_LEN], plain()).unwrap();
    assert_eq!(cache.bytes(), 100);
    let too_large = cache.put_annotated(key("b"), &ANNOTATION, &[1; 37], plain());
    assert_eq!(too_large, Err(Rejected::TooLarge { len: 101, max: 100 }));
    assert_eq!(cache.put_annotated(key("b"), &ANNOTATION, b"", plain()), Err(Rejected::Empty));
    cache.put(key("b"), b"1", plain()).unwrap();
    assert_eq!((cache.len(), cache.bytes()), (1, 1));
}

#[test]
fn an_id_survives_the_conversion_to_a_number() {
    let cache = Cache::default();
    let add = || cache.add_annotated(key("a"), &ANNOTATION, b"1", plain()).unwrap();
    let (one, two) = (add(), add());
    assert_ne!(one, two);
    assert!(one.to_bits() > 0 && one.to_bits() < 1 << 53);
    assert!(!cache.remove_entry(key("b"), one));
    assert!(cache.remove_entry(key("a"), EntryId::from_bits(one.to_bits())));
    assert!(!cache.remove_entry(key("a"), one));
    assert!(!cache.remove_entry(key("a"), EntryId::from_bits(0)));
    assert_eq!((cache.len(), cache.stats().deletes), (1, 1));
}

#[test]
fn an_expired_entry_is_not_removed_but_expires() {
    let (cache, clock) = cache_and_clock(|builder| builder);
    let id = cache.put_annotated(key("a"), &ANNOTATION, b"1", living(10)).unwrap();
    clock.advance(millis(10));
    assert!(!cache.remove_entry(key("a"), id));
    assert_eq!((cache.stats().deletes, cache.stats().expirations), (0, 1));
}
