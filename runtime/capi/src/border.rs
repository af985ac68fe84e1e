//! What C passes by pointer. All unsafe code of the library is here.
//!
//! The types below only come into being as arguments of exported functions, so that what the header asks of a caller
//! holds for each of them: that is what the blocks rely on. Their values are looked at during the call only.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};

use gshell_wire::{Code, Fault};

/// A text that ends with a zero byte, or NULL.
#[repr(transparent)]
pub struct Text(*const c_char);

impl Text {
    /// The text; `what` names it in errors.
    ///
    /// # Errors
    /// `Invalid` for NULL and for a text that is not UTF-8.
    pub fn get(&self, what: &str) -> Result<&str, Fault> {
        match self.get_or_null(what)? {
            Some(text) => Ok(text),
            None => Err(Fault::new(Code::Invalid, format!("{what} is NULL"))),
        }
    }

    /// As [`Text::get`], but NULL stands for no text.
    ///
    /// # Errors
    /// As there.
    pub fn get_or_null(&self, what: &str) -> Result<Option<&str>, Fault> {
        if self.0.is_null() {
            return Ok(None);
        }
        // SAFETY: from_ptr wants readable memory up to a zero byte that nobody changes meanwhile. The header asks for
        // it; the result lives as long as the argument, which is the call.
        let text = unsafe { CStr::from_ptr(self.0) };
        match text.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Fault::new(Code::Invalid, format!("{what} is not UTF-8"))),
        }
    }
}

/// Bytes whose number is another argument.
#[repr(transparent)]
pub struct Bytes(*const u8);

impl Bytes {
    /// The bytes.
    ///
    /// # Errors
    /// `Invalid` for NULL unless there are none, and for a number that no memory has.
    pub fn get(&self, len: usize) -> Result<&[u8], Fault> {
        if len == 0 {
            return Ok(&[]);
        }
        if self.0.is_null() {
            return Err(Fault::new(Code::Invalid, format!("NULL are no {len} bytes")));
        }
        if len > isize::MAX.unsigned_abs() {
            return Err(Fault::new(Code::Invalid, "a length is below zero"));
        }
        // SAFETY: from_raw_parts wants so many readable bytes that nobody changes meanwhile, which the header asks for,
        // and a length of at most isize::MAX, which was checked; bytes are aligned everywhere.
        Ok(unsafe { std::slice::from_raw_parts(self.0, len) })
    }
}

/// A place for a result, or NULL.
#[repr(transparent)]
pub struct Out<T: Copy>(*mut T);

impl<T: Copy> Out<T> {
    /// No place.
    pub fn none() -> Out<T> {
        Out(std::ptr::null_mut())
    }

    /// Whether the caller wants the result.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Fails when the caller gave no place for a result that it cannot do without.
    ///
    /// # Errors
    /// `Invalid` for NULL.
    pub fn need(&self, what: &str) -> Result<(), Fault> {
        match self.is_wanted() {
            true => Ok(()),
            false => Err(Fault::new(Code::Invalid, format!("the place for {what} is NULL"))),
        }
    }

    /// Puts the result there, if it is wanted.
    pub fn set(&self, value: T) {
        if self.is_wanted() {
            // SAFETY: write wants memory of the type that may be written and is aligned: a variable of the caller, as
            // the header declares it. What it held is not dropped, and needs not be: it is Copy.
            unsafe { self.0.write(value) };
        }
    }
}

/// The user pointer of a callback: given back as it is, and never followed.
#[repr(transparent)]
pub struct User(*mut c_void);

/// What is called for a request: its handle, that of its message, and the user pointer.
pub type OnRequest = unsafe extern "C" fn(usize, usize, *mut c_void);
/// What is called for a service that was found.
pub type OnFound = unsafe extern "C" fn(*const FoundService, *mut c_void);

/// `gshell_found` of the header: texts that end with a zero byte.
#[repr(C)]
pub struct FoundService {
    /// Who publishes it.
    pub publisher: *const c_char,
    /// Its name.
    pub service: *const c_char,
    /// The ID of the node that has it.
    pub provider: *const c_char,
    /// Where it is.
    pub address: *const c_char,
    /// The bit of its scope.
    pub scope: u32,
}

/// A function of the program with its user pointer.
pub struct Callback<F> {
    function: F,
    user: usize,
}

impl<F> Callback<F> {
    /// The function that C gave.
    ///
    /// # Errors
    /// `Invalid` for NULL.
    pub fn new(function: Option<F>, user: &User) -> Result<Callback<F>, Fault> {
        match function {
            Some(function) => Ok(Callback {
                function,
                user: user.0.expose_provenance(),
            }),
            None => Err(Fault::new(Code::Invalid, "the callback is NULL")),
        }
    }

    fn user(&self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.user)
    }
}

impl Callback<OnRequest> {
    /// Calls it for a request.
    pub fn call(&self, request: usize, message: usize) {
        // SAFETY: the function is one of the program with the signature that the header declares, and by the header
        // it may be called with its user pointer on any thread that the flags of the handler name.
        unsafe { (self.function)(request, message, self.user()) };
    }
}

impl Callback<OnFound> {
    /// Calls it for a service.
    pub fn call(&self, found: &FoundService) {
        // SAFETY: as above; it is called on the thread of the function that was given it, and during it.
        unsafe { (self.function)(found, self.user()) };
    }
}
