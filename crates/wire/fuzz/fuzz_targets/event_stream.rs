//! Any bytes through `watchkeep_wire::fuzzing::event_stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_wire::fuzzing::event_stream(bytes));
