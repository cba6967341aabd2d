//! Any bytes through `watchkeep_keys::fuzzing::ciphertext`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_keys::fuzzing::ciphertext(bytes));
