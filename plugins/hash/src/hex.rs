//! Bytes as hexadecimal digits and back.

use gshell_plugin_sdk::{Code, Error, Result};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two small digits a byte.
pub fn write(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// The bytes of digits, small or capital.
///
/// # Errors
/// When something else is among them, or half a byte is left.
pub fn read(text: &[u8]) -> Result<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        let text = format!("{} digits are no whole number of bytes", text.len());
        return Err(Error::new(Code::Invalid, text));
    }
    let digit = |at: usize| {
        let found = text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let problem = || {
            Error::new(
                Code::Invalid,
                format!("character {} is no hexadecimal digit", at + 1),
            )
        };
        found.map(|digit| digit as u8).ok_or_else(problem)
    };
    (0..text.len())
        .step_by(2)
        .map(|at| Ok(digit(at)? << 4 | digit(at + 1)?))
        .collect()
}
