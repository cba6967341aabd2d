//! Any bytes through `watchkeep_store::fuzzing::segment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    watchkeep_store::fuzzing::segment(bytes);
});
