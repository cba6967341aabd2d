//! Any bytes through `watchkeep_wire::fuzzing::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_wire::fuzzing::json(bytes));
