//! Nothing secret is printed.

use crate::common::*;
use tls_resumption_core::{Cache, SystemClock};

#[test]
fn debug_output_has_neither_blobs_nor_keys() {
    let cache = cache(|b| b);
    put(&cache, "peer-name", "pre-shared-key");

    assert_eq!(format!("{:?}", cache.get(key("peer-name")).unwrap()), "Blob(14 bytes)");
    assert_eq!(format!("{:?}", key("peer-name")), "Key(9 bytes)");
    let printed = format!(
        "{cache:#?} {:#?}",
        Cache::builder().clock(std::sync::Arc::new(SystemClock::new()))
    );
    assert!(!printed.contains("peer-name") && !printed.contains("pre-shared-key"));
}
