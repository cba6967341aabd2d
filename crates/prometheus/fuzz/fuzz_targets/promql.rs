//! Any bytes through `watchkeep_prometheus::fuzzing::promql`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_prometheus::fuzzing::promql(bytes));
