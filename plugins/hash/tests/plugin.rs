//! Known sums, pieces, files, keys and mistakes, by way of the C ABI and by Lua.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use gshell_plugin_hash::PLUGIN;
use gshell_plugin_sdk::testing::{self, call};
use gshell_plugin_sdk::{Code, Value};

fn hex(kind: &str, bytes: &str) -> String {
    let found = call(&PLUGIN, "hex", &[kind.into(), bytes.into()]).unwrap();
    found[0].as_str().unwrap().to_owned()
}

fn refused(name: &str, arguments: &[Value]) -> (Code, String) {
    let error = call(&PLUGIN, name, arguments).unwrap_err();
    (error.code(), error.text().to_owned())
}

#[test]
fn sums_are_those_that_others_publish() {
    for (kind, of, sum) in [
        (
            "sha224",
            "abc",
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        ),
        (
            "sha256",
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            "sha256",
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "sha384",
            "abc",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "sha512",
            "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (
            "blake2b-256",
            "abc",
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        ),
        (
            "blake2b-512",
            "abc",
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
             7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
        ),
        (
            "blake2s-256",
            "abc",
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
        ),
        // The check values of the catalogue of CRCs.
        ("crc32", "123456789", "cbf43926"),
        ("crc32c", "123456789", "e3069283"),
        ("crc16-arc", "123456789", "bb3d"),
        ("crc16-ibm-3740", "123456789", "29b1"),
        ("crc16-kermit", "123456789", "2189"),
        ("crc16-modbus", "123456789", "4b37"),
        ("crc16-xmodem", "123456789", "31c3"),
    ] {
        assert_eq!(hex(kind, of), sum, "{kind} of {of:?}");
    }
    let kinds = call(&PLUGIN, "kinds", &[]).unwrap().remove(0);
    assert_eq!(kinds.get(14), Some(&"crc16-xmodem".into()));
    assert_eq!(kinds.get(15), None, "each of them is tried above");
}

#[test]
fn crcs_are_integers_too() {
    let crc = |kind: &str, bytes: &str| call(&PLUGIN, "crc", &[kind.into(), bytes.into()]);
    assert_eq!(crc("crc32", "123456789").unwrap(), [0xcbf4_3926.into()]);
    assert_eq!(crc("crc16-modbus", "").unwrap(), [0xffff.into()]);
    let error = crc("sha224", "").unwrap_err();
    assert_eq!(error.text(), "sha224 is no CRC: its sum has 28 bytes");
}

/// RFC 4231, cases 2 and 6 (a key that is longer than a block).
#[test]
fn keys_make_authentication_codes() {
    let hmac = |kind: &str, key: &[u8], bytes: &str| {
        let code = call(&PLUGIN, "hmac", &[kind.into(), key.into(), bytes.into()]).unwrap();
        let digits = call(&PLUGIN, "to_hex", &code).unwrap();
        digits[0].as_str().unwrap().to_owned()
    };
    assert_eq!(
        hmac("sha256", b"Jefe", "what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let long = "Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(
        hmac("sha256", &[0xaa; 131], long),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
    assert_eq!(
        hmac("sha384", &[0xaa; 131], long),
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"
    );
    let (code, text) = refused("hmac", &["crc32".into(), "k".into(), "".into()]);
    assert_eq!(code, Code::Invalid);
    assert!(text.starts_with("crc32 is a checksum"), "{text}");
}

#[test]
fn pieces_add_up() {
    let hasher = testing::object(&PLUGIN, "new", &["sha256".into()]).unwrap();
    hasher.call("update", &["a".into()]).unwrap();
    let empty = hasher.call("hex", &[]).unwrap();
    hasher.call("update", &["bc".into()]).unwrap();
    assert_eq!(
        hasher.call("hex", &[]).unwrap(),
        [hex("sha256", "abc").as_str().into()]
    );
    hasher.call("reset", &[]).unwrap();
    hasher.call("update", &["a".into()]).unwrap();
    assert_eq!(hasher.call("hex", &[]).unwrap(), empty);
}

#[test]
fn files_are_read_in_pieces() {
    let path = std::env::temp_dir().join(format!("gshell-hash-{}", std::process::id()));
    let bytes = vec![b'x'; 200_000];
    std::fs::write(&path, &bytes).unwrap();
    let name: Value = path.to_str().unwrap().into();
    let found = call(&PLUGIN, "file", &[name.clone(), "crc32".into()]);
    let default = call(&PLUGIN, "file", std::slice::from_ref(&name));
    std::fs::remove_file(&path).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(found.unwrap(), [hex("crc32", &text).as_str().into()]);
    assert_eq!(default.unwrap(), [hex("sha256", &text).as_str().into()]);
    let (code, text) = refused("file", &["/no/such/file".into()]);
    assert_eq!(code, Code::NotFound);
    assert!(text.starts_with("/no/such/file: "), "{text}");
    assert!(testing::function(&PLUGIN, "file").is_blocking());
}

#[test]
fn strings_are_compared_and_written() {
    let equal = |a: &str, b: &str| call(&PLUGIN, "equal", &[a.into(), b.into()]).unwrap();
    assert_eq!(equal("abc", "abc"), [true.into()]);
    assert_eq!(equal("abc", "abd"), [false.into()]);
    assert_eq!(equal("abc", "ab"), [false.into()]);
    assert_eq!(equal("", ""), [true.into()]);
    assert_eq!(
        call(&PLUGIN, "from_hex", &["00fFa1".into()]).unwrap(),
        [(&[0, 255, 161][..]).into()]
    );
    assert_eq!(
        refused("from_hex", &["0".into()]).1,
        "1 digits are no whole number of bytes"
    );
    assert_eq!(
        refused("from_hex", &["0g".into()]).1,
        "character 2 is no hexadecimal digit"
    );
    let text = refused("sum", &["md4".into(), "".into()]).1;
    assert!(
        text.starts_with("no kind of sum is called \"md4\"; there are: sha224, sha256, "),
        "{text}"
    );
}

#[test]
fn the_page_is_true() {
    gshell_plugin_trial::page(&PLUGIN, include_str!("../../../docs/plugins/hash.md"));
}

#[test]
fn files_are_given_up() {
    gshell_plugin_trial::run(
        &PLUGIN,
        r#"
        ABANDON = true
        local ok, problem = pcall(require "hash".file, "/dev/zero")
        assert(not ok and problem.code == 15 and problem.message:find "/dev/zero: nobody waits", problem)
        "#,
    );
}

#[test]
fn methods_are_chained() {
    gshell_plugin_trial::run(
        &PLUGIN,
        r#"
        local hash = require "hash"
        local a = hash.new("sha256", "key"):update "one":update "two"
        local b = a:copy():update "three"
        assert(a:sum() == hash.hmac("sha256", "key", "onetwo") and b:sum() == hash.hmac("sha256", "key", "onetwothree"))
        assert(a:reset():sum() == hash.hmac("sha256", "key", ""))
        "#,
    );
    let (_, text) = gshell_plugin_trial::error(&PLUGIN, "require 'hash'.new('sha1')");
    assert!(text.contains("sha1"), "{text}");
}
