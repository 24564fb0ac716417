#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huemax_fuzz::run("model", bytes));
