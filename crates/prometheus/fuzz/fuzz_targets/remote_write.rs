//! Any bytes through `watchkeep_prometheus::fuzzing::remote_write`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_prometheus::fuzzing::remote_write(bytes));
