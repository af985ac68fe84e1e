//! What one side tells the other when something did not work.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DecodeError, EncodeError, Limits, Schema, decode, encode};

/// Most bytes of each text of a fault that is sent; the rest is cut off.
pub const FAULT_TEXT_MAX: usize = 16 * 1024;

pub use self::parts::Fault as FaultParts;

/// An error that crosses the wire. Behind a pointer, which is what all the results that may be one have room for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(transparent)]
pub struct Fault(Box<FaultParts>);

mod parts {
    use serde::{Deserialize, Serialize};

    use crate::Schema;

    /// What a fault says. Its name is part of its shape.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
    pub struct Fault {
        /// What kind of error it is, see [`Code`](crate::Code); kept as a number because a newer peer may know more of them.
        pub code: u16,
        /// What did not work, for people.
        pub message: String,
        /// What lies behind it, if more is known.
        pub cause: Option<String>,
    }
}

impl std::ops::Deref for Fault {
    type Target = FaultParts;

    fn deref(&self) -> &FaultParts {
        &self.0
    }
}

impl std::ops::DerefMut for Fault {
    fn deref_mut(&mut self) -> &mut FaultParts {
        &mut self.0
    }
}

impl From<FaultParts> for Fault {
    fn from(parts: FaultParts) -> Fault {
        Fault(Box::new(parts))
    }
}

impl From<Fault> for FaultParts {
    fn from(fault: Fault) -> FaultParts {
        *fault.0
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The same bytes as [`Fault`], read without copying what is going to be cut off.
#[derive(Deserialize)]
struct Borrowed<'a> {
    code: u16,
    #[serde(borrow)]
    message: &'a str,
    #[serde(borrow)]
    cause: Option<&'a str>,
}

/// As [`Borrowed`], for sending.
#[derive(Serialize)]
struct Sent<'a> {
    code: u16,
    message: &'a str,
    cause: Option<&'a str>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The kinds of faults. Numbers are never reused; new ones are added at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// The name of the code, as it is in the program.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$name => stringify!($name),)*
                }
            }

            /// The code with this number, if this side knows it.
            pub fn from_u16(number: u16) -> Option<Code> {
                match number {
                    $($number => Some(Code::$name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// A mistake in the program that answers.
    Internal = 1,
    /// Nobody handles a message with this key.
    UnknownMessage = 2,
    /// The body is not what the key promises.
    BadMessage = 3,
    /// What was asked for is not there.
    NotFound = 4,
    /// What was to be made is there already.
    Exists = 5,
    /// An argument is not acceptable.
    Invalid = 6,
    /// The caller is not allowed to do this.
    Denied = 7,
    /// A bound was reached.
    Limit = 8,
    /// Not now; trying again later may work.
    Busy = 9,
    /// It took too long.
    Timeout = 10,
    /// What was asked has been stopped or is stopping.
    Stopped = 11,
    /// The other side cannot be reached.
    Unreachable = 12,
    /// The two sides have no common protocol version.
    Version = 13,
    /// A side broke the protocol.
    Protocol = 14,
    /// The caller gave up.
    Cancelled = 15,
    /// Refused in the present state.
    State = 16,
    /// A disk or file failed.
    Storage = 17,
    /// A script failed.
    Script = 18,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Code> for u16 {
    fn from(code: Code) -> u16 {
        code as u16
    }
}

impl Fault {
    /// A fault with a text that says what did not work.
    pub fn new(code: Code, message: impl Into<String>) -> Fault {
        Fault::plain(code, message.into())
    }

    /// One function for all kinds of texts.
    #[cold]
    #[inline(never)]
    fn plain(code: Code, message: String) -> Fault {
        Fault::from(FaultParts {
            code: code.into(),
            message,
            cause: None,
        })
    }

    /// Adds what lies behind it.
    #[must_use]
    pub fn with_cause(mut self, cause: impl fmt::Display) -> Fault {
        self.cause = Some(cause.to_string());
        self
    }

    /// The kind of fault; `None` if only a newer version knows it.
    pub fn code(&self) -> Option<Code> {
        Code::from_u16(self.code)
    }

    /// Appends the fault as the payload of a frame, with texts of at most [`FAULT_TEXT_MAX`] bytes.
    ///
    /// # Errors
    /// None that could happen: numbers and texts can always be encoded.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let cause = self.cause.as_deref().map(|text| cut(text, FAULT_TEXT_MAX));
        encode(
            &Sent {
                code: self.code,
                message: cut(&self.message, FAULT_TEXT_MAX),
                cause,
            },
            out,
        )
    }

    /// Reads a fault that a peer sent; its texts are cut to [`Limits::text`] bytes at the border of a character.
    ///
    /// # Errors
    /// When the bytes are no fault.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Fault, DecodeError> {
        let Borrowed { code, message, cause } = decode(bytes)?;
        let max = usize::try_from(limits.text).unwrap_or(usize::MAX);
        Ok(Fault::from(FaultParts {
            code,
            message: cut(message, max).to_owned(),
            cause: cause.map(|text| cut(text, max).to_owned()),
        }))
    }
}

/// The longest start of `text` that has at most `max` bytes and ends with a whole character.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = match (self.message.is_empty(), self.code()) {
            (false, _) => Cow::Borrowed(self.message.as_str()),
            (true, Some(code)) => Cow::Borrowed(code.name()),
            (true, None) => Cow::Owned(format!("fault {}", self.code)),
        };
        match &self.cause {
            Some(cause) => write!(f, "{message}: {cause}"),
            None => f.write_str(&message),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_go_both_ways() {
        for number in 0..=300 {
            match Code::from_u16(number) {
                Some(code) => assert_eq!(u16::from(code), number),
                None => assert!(number == 0 || number > 18, "{number}"),
            }
        }
        assert_eq!(Code::UnknownMessage.name(), "UnknownMessage");
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        let limits = Limits {
            text: 5,
            ..Limits::default()
        };
        let mut bytes = Vec::new();
        Fault::new(Code::Busy, "1234ä")
            .with_cause("äöü")
            .encode(&mut bytes)
            .unwrap();
        let fault = Fault::decode(&bytes, &limits).unwrap();
        assert_eq!(
            (fault.message.as_str(), fault.cause.as_deref()),
            ("1234", Some("äö"))
        );
    }

    #[test]
    fn what_is_sent_fits_a_frame() {
        let mut bytes = Vec::new();
        let text = "ß".repeat(100_000);
        Fault::new(Code::Busy, text.clone())
            .with_cause(text)
            .encode(&mut bytes)
            .unwrap();
        assert!(bytes.len() < crate::FAULT_PAYLOAD_MAX as usize);
        assert_eq!(decode::<Fault>(&bytes).unwrap().message.len(), FAULT_TEXT_MAX);
    }

    #[test]
    fn the_text_has_the_cause() {
        let fault = Fault::new(Code::NotFound, "no group a-1");
        assert_eq!(fault.to_string(), "no group a-1");
        assert_eq!(
            fault.with_cause("no such file").to_string(),
            "no group a-1: no such file"
        );
        assert_eq!(Fault::new(Code::Denied, "").to_string(), "Denied");
        assert_eq!(
            Fault::from(FaultParts {
                code: 999,
                message: String::new(),
                cause: None
            })
            .to_string(),
            "fault 999"
        );
    }
}
