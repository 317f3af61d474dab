#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| meseta_fuzz::frames(input));
