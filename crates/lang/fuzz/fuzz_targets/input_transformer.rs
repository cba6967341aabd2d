//! Any bytes through `watchkeep_lang::fuzzing::input_transformer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::input_transformer(bytes));
