//! Faults of the wire as errors of a script, and the other way round.

use gshell_wire::{Code, Fault};

use crate::errors::{self, raise};
use crate::tasks::Failure;

/// What stands before the code of a script in the cause of a fault: a script has codes of its own.
const OWN_CODE: &str = "code ";

/// Codes as scripts name them.
pub fn name(code: Code) -> String {
    let mut text = String::new();
    for letter in code.name().chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// The error that a script gets for a fault.
#[cold]
pub fn raised(fault: Fault) -> mlua::Error {
    let own = fault
        .cause
        .as_deref()
        .and_then(|cause| cause.strip_prefix(OWN_CODE));
    match (own, fault.code()) {
        (Some(code), Some(Code::Script)) => raise(code, fault.message.clone()),
        (_, Some(code)) => raise(&name(code), fault.to_string()),
        (_, None) => raise(&format!("fault_{}", fault.code), fault.to_string()),
    }
}

/// The fault that a caller gets for the error of a handler.
#[cold]
pub fn of_failure(failure: &Failure) -> Fault {
    match errors::code_of(&failure.value) {
        None => Fault::new(Code::Script, failure.message.clone()),
        Some(code) => of_code(&code, &failure.message),
    }
}

/// The fault with the code that a script gave it.
#[cold]
pub fn of_code(code: &str, message: &str) -> Fault {
    let known = (1..=u16::MAX)
        .map_while(Code::from_u16)
        .find(|known| name(*known) == code);
    match known {
        Some(known) => Fault::new(known, message),
        None => Fault::new(Code::Script, message).with_cause(format!("{OWN_CODE}{code}")),
    }
}

/// The fault for an error of a built-in function.
#[cold]
pub fn of_error(error: &mlua::Error) -> Fault {
    match errors::raised(error) {
        Some(raised) => of_code(&raised.code, &raised.message),
        None => Fault::new(Code::Script, errors::root_message(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_both_ways() {
        assert_eq!(name(Code::UnknownMessage), "unknown_message");
        for code in (1..=u16::MAX).map_while(Code::from_u16) {
            let fault = of_code(&name(code), "no luck");
            assert_eq!((fault.code(), &fault.cause), (Some(code), &None));
        }
        let error = raised(of_code("no_money", "no luck"));
        let raised = errors::raised(&error).unwrap();
        assert_eq!(
            (raised.code.as_str(), raised.message.as_str()),
            ("no_money", "no luck")
        );
    }
}
