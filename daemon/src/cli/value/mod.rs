//! Values of messages as JSON and back, by the shape that the service gave.
//!
//! Tables with `--json` are made of the same trees: one writer serves all, where a type each would be compiled with
//! its own.

mod base64;
mod fit;
mod read;
#[cfg(test)]
mod tests;
mod write;

use gshell_wire::{Message, Shape, Value, encode};

pub use self::fit::fit;
pub use self::read::{Chunks, parse};
pub use self::write::{compact, pretty};

/// A JSON object.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter();
    Value::Struct(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A JSON string.
pub fn text(text: impl Into<String>) -> Value {
    Value::Str(text.into())
}

/// A message as a tree.
pub fn tree<M: Message>(message: &M) -> Value {
    let mut bytes = Vec::new();
    // What has been read from bytes can be written to them.
    let _ = encode(message, &mut bytes);
    Value::decode(&Shape::of::<M>(), &bytes).unwrap_or(Value::Unit)
}
