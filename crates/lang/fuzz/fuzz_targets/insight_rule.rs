//! Any bytes through `watchkeep_lang::fuzzing::insight_rule`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::insight_rule(bytes));
