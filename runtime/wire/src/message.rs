//! What makes a type a message.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{DecodeError, Schema, Type, decode};

/// How urgent a type of message is: what waits is handled in this order, and low is not starved for ever.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Schema,
)]
pub enum Priority {
    /// Before everything else.
    High,
    /// As it comes.
    #[default]
    Normal,
    /// When nothing else waits, or waited long enough.
    Low,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Priority::High => "high",
            Priority::Normal => "normal",
            Priority::Low => "low",
        })
    }
}

/// A type that can be sent as a message. Use the derive of the same name together with serde's two:
///
/// ```
/// use gshell_wire::{Message, Priority, decode_version, encode};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "echo.Request")]
/// struct OldRequest {
///     num: i32,
/// }
///
/// /// Asks for a number back.
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "echo.Request", priority = "high", earlier(OldRequest))]
/// struct Request {
///     num: i64,
/// }
///
/// impl From<OldRequest> for Request {
///     fn from(old: OldRequest) -> Request {
///         Request { num: old.num.into() }
///     }
/// }
///
/// assert_eq!((Request::PRIORITY, Request::HELP), (Priority::High, "Asks for a number back."));
/// let mut bytes = Vec::new();
/// encode(&OldRequest { num: 7 }, &mut bytes)?;
/// let request = decode_version::<Request>(OldRequest::KEY, &bytes).unwrap()?;
/// assert_eq!(request.num, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Message: Serialize + DeserializeOwned + Schema + Send + 'static {
    /// The name, `publisher.Type` by convention.
    const NAME: &'static str;
    /// What identifies the message on the wire, see [`key`](crate::key()). Never written by hand.
    const KEY: u64 = crate::key(Self::NAME, &Self::TYPE);
    /// How urgent it is; `#[message(priority = "high")]` or `"low"`.
    const PRIORITY: Priority = Priority::Normal;
    /// First line of the type's documentation.
    const HELP: &'static str = "";
    /// Earlier shapes that are still read; `#[message(earlier(OldA, OldB))]`.
    const EARLIER: &'static [Earlier<Self>] = &[];
}

/// An earlier shape of a message.
#[derive(Debug)]
pub struct Earlier<M> {
    /// Its key.
    pub key: u64,
    /// Its name.
    pub name: &'static str,
    /// Its shape.
    pub ty: Type,
    /// Reads a body of that shape as the message of today.
    pub read: fn(&[u8]) -> Result<M, DecodeError>,
}

impl<M: Message> Earlier<M> {
    /// The shape of `Old`, which can be turned into the message.
    pub const fn of<Old: Message + Into<M>>() -> Earlier<M> {
        Earlier {
            key: Old::KEY,
            name: Old::NAME,
            ty: Old::TYPE,
            read: |bytes| decode::<Old>(bytes).map(Into::into),
        }
    }
}

/// Reads a body that came under `key`: the message itself or one of its earlier shapes. `None` for a key that is
/// neither.
pub fn decode_version<M: Message>(key: u64, bytes: &[u8]) -> Option<Result<M, DecodeError>> {
    if key == M::KEY {
        return Some(decode(bytes));
    }
    let earlier = M::EARLIER.iter().find(|earlier| earlier.key == key)?;
    Some((earlier.read)(bytes))
}
