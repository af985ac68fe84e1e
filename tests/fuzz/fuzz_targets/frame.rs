//! A frame that is accepted comes out the same when it is written again; a cut one is never accepted.

#![no_main]

use gshell_wire::{Limits, begin_frame, decode_frame, finish_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        message: 4096,
        ..Limits::default()
    };
    let mut rest = data;
    while let Ok(Some((frame, used))) = decode_frame(rest, &limits) {
        let mut out = Vec::new();
        let start = begin_frame(&mut out, frame.kind, frame.stream, &frame.blocks);
        out.extend_from_slice(frame.payload);
        finish_frame(&mut out, start, 0);
        assert_eq!(out, &rest[..used]);
        assert_eq!(decode_frame(&rest[..used - 1], &limits), Ok(None));
        rest = &rest[used..];
    }
});
