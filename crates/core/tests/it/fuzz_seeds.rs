//! What the fuzzer runs for long, run for a moment on random bytes.

#[path = "../fuzzed/mod.rs"]
mod fuzzed;

use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_operations_that_go_as_the_oracle_has_it(data in vec(any::<u8>(), 0..3000)) {
        fuzzed::operations(&data);
    }
}
