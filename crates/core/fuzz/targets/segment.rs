#![no_main]

#[path = "../../tests/fuzzed/segment.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::scribble(data));
