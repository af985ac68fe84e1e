//! What files of plugins say: whatever the bytes, an answer of one line, and a name that leads out of no folder.

#![no_main]

use gshell_plugin_host::file::{fits, inspect_bytes, names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The magic is not worth the fuzzer's time.
    let file = [b"\x7fELF", data].concat();
    match inspect_bytes(&file) {
        Ok(facts) => {
            assert_eq!(facts.size, file.len() as u64);
            if fits(&facts).is_ok() {
                assert!(names::check(&facts.name).is_ok() && names::is_version(&facts.version));
            }
        }
        Err(refusal) => assert_eq!(refusal.to_string().lines().count(), 1),
    }
});
