//! Packed packages: no path that is accepted leads out of the package, and what is accepted packs to the same value.

#![no_main]

use gshell_group::store::{decode_package, pack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The magic is not worth the fuzzer's time.
    let packed = [b"GSp1", data].concat();
    let Ok(package) = decode_package(&packed) else { return };
    for file in &package.files {
        assert!(!file.path.starts_with('/') && file.path.split('/').all(|part| !matches!(part, "" | "." | "..")));
    }
    assert!(package.file(&package.main).is_some());
    let again = pack(&package).ok().and_then(|packed| decode_package(&packed).ok());
    assert_eq!(again, Some(package));
});
