//! Panics end here: none leaves a function that a host calls.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gshell_wire::Code;

use crate::{Error, Result};

/// Runs `work`; a panic becomes its message. What the work had borrowed is not used after a panic, or belongs to objects
/// whose methods see what was done to them so far, as after an early return.
///
/// The process's panic hook runs as for every panic: what it prints goes to the standard error of whoever runs the plugin.
#[inline]
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(panicked)
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = match payload.downcast::<String>() {
        Ok(text) => format!("it panicked: {text}"),
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => format!("it panicked: {text}"),
            Err(payload) => {
                // The end of an unknown value could panic, too.
                std::mem::forget(payload);
                "it panicked".to_owned()
            }
        },
    };
    Error::new(Code::Internal, text)
}
