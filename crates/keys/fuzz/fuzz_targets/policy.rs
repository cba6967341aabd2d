//! Any bytes through `watchkeep_keys::fuzzing::policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_keys::fuzzing::policy(bytes));
