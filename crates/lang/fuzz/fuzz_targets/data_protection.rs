//! Any bytes through `watchkeep_lang::fuzzing::data_protection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::data_protection(bytes));
