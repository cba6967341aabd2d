//! Any bytes through `watchkeep_traces::fuzzing::document`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_traces::fuzzing::document(bytes));
