//! A hello that is accepted says the same when it is written again, and two sides come to the same version.

#![no_main]

use gshell_wire::{Hello, Role, agree};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(bytes) = data.first_chunk::<{ Hello::LEN }>() else {
        return;
    };
    let Ok(hello) = Hello::decode(bytes) else { return };
    assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
    let ours = Hello::ours(Role::Server);
    assert_eq!(agree(&ours, &hello).ok(), agree(&hello, &ours).ok());
});
