//! Bundles of plugins: whatever the bytes, an answer of one line; what is read of one that is taken is what its manifest says.

#![no_main]

use gshell_plugin_host::bundle::{Bundle, pack, sha256};
use gshell_plugin_host::file::inspect_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut data = data.to_vec();
    mend_sums(&mut data);
    let bundle = match Bundle::of_bytes(&data) {
        Ok(bundle) => bundle,
        Err(refusal) => return assert_eq!(refusal.to_string().lines().count(), 1),
    };
    let mut files = Vec::new();
    for (number, member) in bundle.manifest().files.iter().enumerate() {
        assert!(!member.path.starts_with('/') && member.path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        let Ok(file) = bundle.read(number) else { return };
        assert_eq!(sha256(&file), member.sha256);
        let Ok(facts) = inspect_bytes(&file) else { panic!("a file that was taken is none") };
        files.push((facts, file));
    }
    let _ = bundle.pick();
    // What was taken can be packed again.
    let packed = pack(files).unwrap();
    assert!(Bundle::of_bytes(&packed).is_ok());
});

/// Sums of headers are not worth the fuzzer's time.
fn mend_sums(data: &mut [u8]) {
    for block in data.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
