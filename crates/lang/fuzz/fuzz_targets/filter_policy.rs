//! Any bytes through `watchkeep_lang::fuzzing::filter_policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::filter_policy(bytes));
