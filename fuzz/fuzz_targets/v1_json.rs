#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| meseta_fuzz::v1_json(input));
