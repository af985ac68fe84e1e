//! What is other where the program under test is emulated (`ci/cross TARGET test`). The whole list:
//!
//! - Times are not the program's own: bounds that a user relies on are ten times as long ([`slower`]), and the suite
//!   `fairness`, which measures nothing else, is not run; the same code is measured natively.
//! - Two hundred group starts that leak nothing are forty (`functional/leaks.rs`); natively they are two hundred.
//! - Programs that the tests run as environments are linked statically: qemu-user looks up another program's loader in
//!   this machine's folders for `statx`, in the target's for `open`. On real kernels `ci/boot` runs dynamic ones.
//! - Memory in `/proc` is the emulator's, too; `docs/footprint.md` says what is measured instead.

use std::time::Duration;

use crate::binary;

/// How much longer something may take under emulation.
const FACTOR: u32 = 10;

/// A bound for the program under test: `natively`, or more where it is emulated.
pub fn slower(natively: Duration) -> Duration {
    match binary::target() {
        Some(_) => natively * FACTOR,
        None => natively,
    }
}
