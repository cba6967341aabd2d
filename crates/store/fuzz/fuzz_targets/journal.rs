//! Any bytes through `watchkeep_store::fuzzing::journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    watchkeep_store::fuzzing::journal(bytes);
});
