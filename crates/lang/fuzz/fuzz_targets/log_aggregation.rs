//! Any bytes through `watchkeep_lang::fuzzing::log_aggregation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::log_aggregation(bytes));
