//! Bodies of a few shapes: what is accepted comes out the same when it is written and read again.

#![no_main]

use std::collections::BTreeMap;

use gshell_wire::{Bytes, decode, encode};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Serialize, Deserialize)]
struct Plain {
    flag: bool,
    small: (i8, u8, i16, u16),
    large: (i32, u32, i64, u64),
    float: (f32, f64),
    text: String,
    bytes: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Lists {
    list: Vec<Plain>,
    map: BTreeMap<String, Vec<Option<u16>>>,
    nothing: Vec<()>,
}

#[derive(Serialize, Deserialize)]
enum Tree {
    Leaf,
    Text(String),
    Pair(Box<Tree>, Box<Tree>),
    Node { branches: Vec<Tree> },
}

fn round<T: Serialize + DeserializeOwned>(data: &[u8]) {
    let Ok(value) = decode::<T>(data) else { return };
    let mut once = Vec::new();
    assert!(encode(&value, &mut once).is_ok());
    let Ok(again) = decode::<T>(&once) else {
        panic!("what was written is not read: {once:02x?}")
    };
    let mut twice = Vec::new();
    assert!(encode(&again, &mut twice).is_ok());
    assert_eq!(once, twice);
}

fuzz_target!(|data: &[u8]| {
    let Some((shape, body)) = data.split_first() else {
        return;
    };
    match shape % 3 {
        0 => round::<Plain>(body),
        1 => round::<Lists>(body),
        _ => round::<Tree>(body),
    }
});
