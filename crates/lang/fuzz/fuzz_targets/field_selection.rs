//! Any bytes through `watchkeep_lang::fuzzing::field_selection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::field_selection(bytes));
