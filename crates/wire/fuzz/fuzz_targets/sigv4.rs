//! Any bytes through `watchkeep_wire::fuzzing::sigv4`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_wire::fuzzing::sigv4(bytes));
