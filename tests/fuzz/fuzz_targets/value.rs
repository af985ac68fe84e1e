//! Values of shapes that a peer made up: what is accepted is written and read as the same value, and stays in its bound.
//! The first two bytes are the length of the description of the shape.

#![no_main]

use gshell_wire::{Shape, Value};
use libfuzzer_sys::fuzz_target;

/// Memory that a tree may count.
const MAX: u32 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((len, rest)) = data.split_first_chunk() else {
        return;
    };
    let Some((shape, body)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len))) else {
        return;
    };
    let Ok(shape) = Shape::read(shape) else { return };
    let Ok(value) = Value::decode_within(&shape, body, MAX) else {
        return;
    };
    assert!(value.summary(64).len() <= 64);
    let mut out = Vec::new();
    assert_eq!(value.encode(&shape, &mut out), Ok(()));
    let mut again = Vec::new();
    let read = Value::decode_within(&shape, &out, MAX);
    assert!(read.is_ok_and(|read| read.encode(&shape, &mut again).is_ok()));
    assert_eq!(out, again);
});
