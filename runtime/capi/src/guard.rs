//! Errors as C sees them: a number, and on request an object with texts. No panic gets out.

use std::collections::BTreeMap;
use std::ffi::{CString, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gshell_wire::{Code, Fault};

use crate::border::Out;

/// What the functions return when nothing went wrong.
pub const OK: c_int = 0;
/// What receiving returns at the end of a stream.
pub const END: c_int = -1;

/// `gshell_error` of the header. The pointers in it are numbers here, because the table below owns the texts.
#[repr(C)]
#[derive(Debug)]
pub struct CError {
    code: c_int,
    message: usize,
    cause: usize,
}

/// An error and the texts that it points to.
struct Kept {
    error: Box<CError>,
    _texts: [Option<CString>; 2],
}

/// The errors that C holds, by address: one that is freed twice is not found here any more.
static ERRORS: Mutex<BTreeMap<usize, Kept>> = Mutex::new(BTreeMap::new());

fn errors() -> MutexGuard<'static, BTreeMap<usize, Kept>> {
    ERRORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text for C: it ends at its first zero byte.
pub fn c_text(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(text.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// The number of a fault; never 0, which is no error.
fn number(fault: &Fault) -> c_int {
    match fault.code {
        0 => u16::from(Code::Internal).into(),
        code => code.into(),
    }
}

/// Keeps a fault for C and gives its address.
fn keep(fault: &Fault) -> usize {
    let message = match fault.message.as_str() {
        // The code's name says more than nothing.
        "" => c_text(&fault.to_string()),
        text => c_text(text),
    };
    let cause = fault.cause.as_deref().map(c_text);
    let error = Box::new(CError {
        code: number(fault),
        message: message.as_ptr().expose_provenance(),
        cause: cause.as_ref().map_or(0, |cause| cause.as_ptr().expose_provenance()),
    });
    let address = (&raw const *error).expose_provenance();
    let kept = Kept {
        error,
        _texts: [Some(message), cause],
    };
    errors().insert(address, kept);
    address
}

/// Frees an error; anything else is left alone.
pub fn free(address: usize) {
    let kept = errors().remove(&address);
    if let Some(kept) = kept {
        drop(kept.error);
    }
}

/// Errors that were not freed.
pub fn count() -> usize {
    errors().len()
}

/// Runs the work of an exported function and says how it ended.
pub fn run(error: &Out<usize>, work: &mut dyn FnMut() -> Result<c_int, Fault>) -> c_int {
    error.set(0);
    let fault = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return done,
        Ok(Err(fault)) => fault,
        Err(panic) => {
            let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
                (Some(text), _) => text,
                (_, Some(text)) => text.as_str(),
                _ => "unknown",
            };
            Fault::new(Code::Internal, "the library failed").with_cause(text)
        }
    };
    // Without a place for it nobody would free it.
    if error.is_wanted() {
        error.set(keep(&fault));
    }
    number(&fault)
}

/// As [`run`], for work that gives an object: its handle, or 0.
pub fn make(error: &Out<usize>, work: &mut dyn FnMut() -> Result<usize, Fault>) -> usize {
    let mut made = 0;
    run(error, &mut || {
        made = work()?;
        Ok(OK)
    });
    made
}
