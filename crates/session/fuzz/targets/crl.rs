#![no_main]

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

use std::time::Duration;

libfuzzer_sys::fuzz_target!(|input: (u32, &[u8])| {
    fuzzed::crl(input.1, Duration::from_secs(input.0.into()));
});
