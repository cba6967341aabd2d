//! Any bytes through `watchkeep_wire::fuzzing::rest_xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_wire::fuzzing::rest_xml(bytes));
