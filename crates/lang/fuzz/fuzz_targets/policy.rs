//! Any bytes through `watchkeep_lang::fuzzing::policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::policy(bytes));
