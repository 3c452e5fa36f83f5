//! Runs the checks of the fuzz target briefly, on random bytes.

#[path = "../fuzzed/mod.rs"]
mod fuzzed;

use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_operations_have_the_results_of_the_oracle(data in vec(any::<u8>(), 0..3000)) {
        fuzzed::operations(&data);
    }
}
