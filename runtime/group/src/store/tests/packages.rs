//! Code packages: stored once, checked, collected.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use gshell_small::Set;

use super::{TempDir, package};
use crate::store::{Packages, StoreError, decode_package, hash, open_layout, pack};

#[test]
fn packages_go_both_ways_and_are_kept_once() {
    let dir = TempDir::new();
    let packages = Packages::at(dir.path());
    let script = package(
        &[("main.lua", b"print(1)"), ("lib/a.lua", b"")],
        "main.lua",
        false,
    );
    let packed = pack(&script).unwrap();
    let name = packages.put(&packed).unwrap();
    assert_eq!(packages.put(&packed).unwrap(), name);
    assert_eq!(packages.get(&name).unwrap(), script);
    assert_eq!(dir.list("packages"), [format!("{name}.pkg")]);
    assert_eq!(
        hash(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn every_truncated_package_is_refused() {
    let packed = pack(&package(&[("a", b"12"), ("b", b"")], "a", false)).unwrap();
    for length in 0..packed.len() {
        assert!(decode_package(&packed[..length]).is_err(), "{length} bytes");
    }
    assert!(decode_package(&[&packed[..], b"x"].concat()).is_err());
}

/// Packs without any check, as a liar would.
fn forged(files: &[(&str, &[u8])], main: &str, elf: bool) -> Vec<u8> {
    let files: Vec<(&str, &serde_bytes::Bytes)> = files
        .iter()
        .map(|(path, data)| (*path, serde_bytes::Bytes::new(data)))
        .collect();
    postcard::to_extend(&(files, main, elf), b"GSp1".to_vec()).unwrap()
}

#[test]
fn what_breaks_the_rules_is_named() {
    let dir = TempDir::new();
    for (files, main, elf, said) in [
        (
            vec![("/etc/passwd", &b""[..])],
            "/etc/passwd",
            false,
            "\"/etc/passwd\" is not valid: it is absolute",
        ),
        (vec![("a/../../b", b"")], "a/../../b", false, "leaves the package"),
        (vec![("a//b", b"")], "a//b", false, "empty component"),
        (vec![("a\0", b"")], "a\0", false, "NUL"),
        (
            vec![("a", b""), ("a", b"")],
            "a",
            false,
            "\"a\" is not valid: the path occurs twice",
        ),
        (
            vec![("a", b"")],
            "b",
            false,
            "\"b\" is not valid: the file to run is not in it",
        ),
        (vec![("a", b""), ("b", b"")], "a", true, "one file"),
    ] {
        let bytes = forged(&files, main, elf);
        let error = decode_package(&bytes).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(Packages::at(dir.path()).put(&bytes).is_err());
        assert!(pack(&package(&files, main, elf)).is_err());
    }
    assert_eq!(dir.list(""), [""; 0], "nothing of it was written");
    assert!(decode_package(&forged(&[("a", b"1")], "a", false)).is_ok());
}

#[test]
fn a_number_of_files_that_lies_costs_nothing() {
    // Two zero bytes are a file: without a bound this would be four million of them.
    let mut lie = b"GSp1\xff\xff\xff\x03".to_vec();
    lie.resize(8 << 20, 0);
    let error = decode_package(&lie).unwrap_err().to_string();
    assert!(error.contains("package"), "{error}");
    assert!(decode_package(b"GSp1\xff\xff\xff\xff\x0f").is_err());
    assert!(decode_package(&vec![0; 20 << 20]).is_err());
}

#[test]
fn a_garbled_package_is_not_run_and_can_be_put_again() {
    let dir = TempDir::new();
    let packages = Packages::at(dir.path());
    let packed = pack(&package(&[("a", b"print(1)")], "a", false)).unwrap();
    let name = packages.put(&packed).unwrap();
    let path = dir.path().join("packages").join(format!("{name}.pkg"));
    for at in 0..packed.len() {
        let mut bad = packed.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(
            matches!(packages.get(&name), Err(StoreError::Hash { .. })),
            "byte {at}"
        );
    }
    assert_eq!(packages.put(&packed).unwrap(), name);
    assert!(packages.get(&name).is_ok());
    for bad in ["", "../../x", "AB", &"z".repeat(64)] {
        assert!(
            matches!(packages.get(bad), Err(StoreError::Invalid(_))),
            "{bad:?}"
        );
    }
}

#[test]
fn programs_become_executable_files() {
    let dir = TempDir::new();
    let packages = Packages::at(dir.path());
    let name = packages
        .put(&pack(&package(&[("prog", b"\x7fELF")], "prog", true)).unwrap())
        .unwrap();
    let path = packages.program(&name).unwrap();
    let check = || {
        assert_eq!(fs::read(&path).unwrap(), b"\x7fELF");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    };
    check();
    fs::write(&path, b"other").unwrap();
    assert_eq!(packages.program(&name).unwrap(), path);
    check();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    packages.program(&name).unwrap();
    check();
    let script = packages
        .put(&pack(&package(&[("a", b"")], "a", false)).unwrap())
        .unwrap();
    assert!(
        packages
            .program(&script)
            .unwrap_err()
            .to_string()
            .contains("no ELF program")
    );
    assert_eq!(packages.collect(&Set::from([script])).unwrap(), 1);
    assert!(!path.exists());
}

#[test]
fn leftovers_go_and_foreign_files_stay() {
    let dir = TempDir::new();
    open_layout(dir.path()).unwrap();
    let folder = dir.path().join("packages");
    let name = "0".repeat(64);
    for file in [
        format!("{name}.pkg.1-0.tmp"),
        "README".to_owned(),
        format!("{name}.pkg"),
    ] {
        fs::write(folder.join(file), b"").unwrap();
    }
    assert_eq!(open_layout(dir.path()).unwrap(), [""; 0]);
    assert_eq!(dir.list("packages"), [format!("{name}.pkg"), "README".to_owned()]);
    assert_eq!(Packages::at(dir.path()).collect(&Set::new()).unwrap(), 1);
    assert_eq!(dir.list("packages"), ["README"]);
}
