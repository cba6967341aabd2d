//! Any bytes through `watchkeep_lang::fuzzing::event_schedule`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchkeep_lang::fuzzing::event_schedule(bytes));
