//! gzip, zlib and deflate, whole and in pieces; damaged, too short and too much.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{done, refused};
use gshell_plugin_compress::PLUGIN;
use gshell_plugin_sdk::testing::{self, Object};
use gshell_plugin_sdk::{Code, Value};

const FORMATS: [&str; 3] = ["gzip", "zlib", "deflate"];

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes,
        other => unreachable!("{other:?}"),
    }
}

/// Something that packs well, but not to nothing.
fn sample() -> Vec<u8> {
    (0..200_000_u32).flat_map(|n| (n / 7).to_be_bytes()).collect()
}

fn pack(format: &str, of: &[u8]) -> Vec<u8> {
    bytes(done("pack", &[format.into(), of.into()]))
}

fn write(object: &Object, piece: &[u8]) -> Vec<u8> {
    bytes(
        object
            .call("write", &[Value::from(piece).into()])
            .unwrap()
            .remove(0),
    )
}

fn finish(object: &Object) -> Vec<u8> {
    bytes(object.call("finish", &[]).unwrap().remove(0))
}

#[test]
fn bytes_come_back() {
    for format in FORMATS {
        for of in [Vec::new(), b"abc".to_vec(), sample()] {
            let packed = pack(format, &of);
            assert!(of.len() < 100 || packed.len() < of.len() / 2, "{format}");
            assert_eq!(
                bytes(done("unpack", &[format.into(), packed[..].into()])),
                of,
                "{format}"
            );
        }
    }
    let stored = bytes(done("pack", &["gzip".into(), sample()[..].into(), 0.into()]));
    assert!(stored.len() > sample().len());
    // As gzip itself does: several follow each other.
    let twice = [pack("gzip", b"one"), pack("gzip", b"two")].concat();
    assert_eq!(
        bytes(done("unpack", &["gzip".into(), twice[..].into()])),
        b"onetwo"
    );
}

#[test]
fn damage_is_found() {
    for format in FORMATS {
        let packed = pack(format, &sample());
        let (code, text) = refused("unpack", &[format.into(), packed[..packed.len() - 1].into()]);
        assert_eq!(code, Code::Invalid, "{format}: {text}");
        assert!(text.starts_with(&format!("{format}: ")), "{text}");
        let more = [&packed[..], b"x"].concat();
        assert_eq!(
            refused("unpack", &[format.into(), more[..].into()]).0,
            Code::Invalid
        );
    }
    for format in ["gzip", "zlib"] {
        let mut packed = pack(format, &sample());
        let last = packed.len() - 1;
        packed[last] ^= 1;
        assert_eq!(
            refused("unpack", &[format.into(), packed[..].into()]).0,
            Code::Invalid,
            "{format}"
        );
    }
    assert_eq!(refused("unpack", &["gzip".into(), "".into()]).0, Code::Invalid);
    assert!(
        refused("pack", &["lzma".into(), "".into()])
            .1
            .contains("there are: gzip, zlib, deflate")
    );
    assert_eq!(
        refused("pack", &["gzip".into(), "".into(), 10.into()]).1,
        "a level is from 0 to 9, not 10"
    );
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![0; 1_000_000];
    for format in FORMATS {
        let packed = pack(format, &zeros);
        let limited = |limit: i64| [format.into(), packed[..].into(), limit.into()];
        let (code, text) = refused("unpack", &limited(999_999));
        assert_eq!(code, Code::Limit);
        assert_eq!(
            text,
            format!(
                "{format}: it has more than 999999 bytes when unpacked; if it may, raise the option limit"
            )
        );
        assert_eq!(bytes(done("unpack", &limited(1_000_000))).len(), 1_000_000);
        let unpacker = testing::object(&PLUGIN, "unpacker", &[format.into(), 999_999.into()]).unwrap();
        let error = unpacker
            .call("write", &[Value::from(&packed[..]).into()])
            .map(drop)
            .unwrap_err();
        assert_eq!(error.code(), Code::Limit, "{error}");
        let error = unpacker
            .call("write", &[Value::from(&packed[..]).into()])
            .map(drop)
            .unwrap_err();
        assert_eq!(error.code(), Code::State, "it has ended: {error}");
    }
    let packed = pack("gzip", &vec![0; 17 << 20]);
    assert_eq!(
        refused("unpack", &["gzip".into(), packed[..].into()]).0,
        Code::Limit,
        "without a word about it"
    );
    assert_eq!(
        refused("unpack", &["gzip".into(), "".into(), (-1).into()]).1,
        "a limit is 0 or more, not -1"
    );
}

#[test]
fn pieces_come_back() {
    let of = sample();
    for format in FORMATS {
        let packer = testing::object(&PLUGIN, "packer", &[format.into(), 9.into()]).unwrap();
        let mut packed: Vec<u8> = of.chunks(1000).flat_map(|piece| write(&packer, piece)).collect();
        packed.extend(finish(&packer));
        assert_eq!(bytes(done("unpack", &[format.into(), packed[..].into()])), of);
        assert_eq!(packer.call("finish", &[]).unwrap_err().text(), "it has ended");
        let unpacker = testing::object(&PLUGIN, "unpacker", &[format.into()]).unwrap();
        let mut found: Vec<u8> = packed
            .chunks(7)
            .flat_map(|piece| write(&unpacker, piece))
            .collect();
        found.extend(finish(&unpacker));
        assert_eq!(found, of, "{format}");
    }
}

#[test]
fn pieces_have_an_end() {
    for format in FORMATS {
        let packed = pack(format, &sample());
        let stream = testing::object(&PLUGIN, "unpacker", &[format.into()]).unwrap();
        for byte in pack(format, b"abc") {
            write(&stream, &[byte]);
        }
        assert_eq!(finish(&stream), b"");
        for missing in [1, packed.len() / 2, packed.len()] {
            let unpacker = testing::object(&PLUGIN, "unpacker", &[format.into()]).unwrap();
            write(&unpacker, &packed[..packed.len() - missing]);
            let error = unpacker.call("finish", &[]);
            assert!(error.is_err(), "{format} without its last {missing} bytes");
        }
        let unpacker = testing::object(&PLUGIN, "unpacker", &[format.into()]).unwrap();
        write(&unpacker, &packed);
        let error = unpacker.call("write", &[Value::from("garbage").into()]);
        let error = error.or_else(|_| unpacker.call("finish", &[]));
        assert!(error.is_err(), "{format} with more behind it");
    }
}
