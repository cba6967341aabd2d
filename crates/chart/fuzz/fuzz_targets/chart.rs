//! Any bytes through `watchkeep_chart::fuzzing::chart`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_chart::fuzzing::chart(bytes));
