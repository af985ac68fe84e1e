//! The texts of a fault keep to their bound, whatever the peer sent.

#![no_main]

use gshell_wire::{FAULT_PAYLOAD_MAX, Fault, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        text: 7,
        ..Limits::default()
    };
    let Ok(fault) = Fault::decode(data, &limits) else {
        return;
    };
    assert!(fault.message.len() <= 7 && fault.cause.as_ref().is_none_or(|cause| cause.len() <= 7));
    let mut out = Vec::new();
    assert!(fault.encode(&mut out).is_ok());
    assert!(out.len() <= FAULT_PAYLOAD_MAX as usize);
    assert_eq!(Fault::decode(&out, &limits), Ok(fault));
});
