//! Any bytes through `watchkeep_store::fuzzing::block`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    watchkeep_store::fuzzing::block(bytes);
});
