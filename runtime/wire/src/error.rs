//! What can go wrong between a value and its bytes.

use std::fmt;

/// Why a value could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A list or map did not say how many entries it has.
    LengthUnknown,
    /// The value, or its `Serialize`, refused or needs a shape that is not in [`Type`](crate::Type).
    Refused,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncodeError::LengthUnknown => "cannot encode a list whose length is not known beforehand",
            EncodeError::Refused => "the value refused to be encoded",
        })
    }
}

impl std::error::Error for EncodeError {}

/// Why bytes are not the value that was asked for. `at` counts bytes from the start of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The body ends in the middle of a value.
    Short {
        /// Where the value that is cut begins.
        at: u32,
    },
    /// A number has more bits than its type, or no end.
    BadNumber {
        /// Where it ends.
        at: u32,
    },
    /// A bool or the mark of an option is neither 0 nor 1.
    BadMark {
        /// Where it is.
        at: u32,
        /// The byte that is there.
        found: u8,
    },
    /// A text is not UTF-8.
    BadText {
        /// Where it begins.
        at: u32,
    },
    /// A list or map claims more entries than there are bytes left.
    TooMany {
        /// Where its entries begin.
        at: u32,
        /// The entries that it claims.
        count: u32,
        /// Bytes that are left.
        left: u32,
    },
    /// Values are nested deeper than [`DEPTH_MAX`](crate::DEPTH_MAX).
    TooDeep {
        /// Where it goes too deep.
        at: u32,
    },
    /// Bytes are left behind the value.
    Trailing {
        /// Where they begin.
        at: u32,
        /// How many there are.
        left: u32,
    },
    /// An enum has no variant with the number that is there.
    UnknownVariant {
        /// Where the number is.
        at: u32,
        /// The number.
        found: u32,
        /// Variants that the enum has, counted from 0.
        variants: u32,
    },
    /// The description of a shape is none.
    BadShape {
        /// Where it is wrong.
        at: u32,
        /// What is wrong.
        what: ShapeFlaw,
    },
    /// A tree of values would take more memory than it may.
    TooLarge {
        /// Where the bound was reached.
        at: u32,
        /// Bytes that a tree may take.
        max: u32,
    },
    /// The type asks for a shape that is not in [`Type`](crate::Type).
    Unsupported(&'static str),
    /// The type refused what it read, for example an unknown variant of an enum.
    Refused(String),
}

/// What can be wrong with the description of a shape, beside being cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeFlaw {
    /// A byte that stands for no type.
    UnknownType(u8),
    /// The whole description has more bytes than [`SHAPE_BYTES_MAX`](crate::SHAPE_BYTES_MAX).
    TooLong,
    /// There are more types in it than [`SHAPE_NODES_MAX`](crate::SHAPE_NODES_MAX).
    TooMany,
    /// Types are nested deeper than [`DEPTH_MAX`](crate::DEPTH_MAX).
    TooDeep,
    /// Two fields of a struct or two variants of an enum have the same name.
    SameName,
    /// A name of a field or variant that is empty, or one of those or of a type with control characters: texts made
    /// with it would be empty, or would move the cursor of whoever reads them.
    BadName,
    /// A list or map whose entries take no bytes: a few bytes could claim any number of them.
    EmptyEntries,
}

impl fmt::Display for ShapeFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShapeFlaw::UnknownType(found) => write!(f, "no type has the number {found:#04x}"),
            ShapeFlaw::TooLong => write!(f, "it has more than {} bytes", crate::SHAPE_BYTES_MAX),
            ShapeFlaw::TooMany => write!(f, "it has more than {} types", crate::SHAPE_NODES_MAX),
            ShapeFlaw::TooDeep => write!(f, "its types are nested deeper than {}", crate::DEPTH_MAX),
            ShapeFlaw::SameName => write!(f, "two fields or variants have the same name"),
            ShapeFlaw::BadName => write!(
                f,
                "the name of a field, variant or type is empty or has control characters"
            ),
            ShapeFlaw::EmptyEntries => write!(f, "the entries of a list or map take no bytes"),
        }
    }
}

impl std::error::Error for ShapeFlaw {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Short { at } => write!(f, "the body ends in the middle of the value at byte {at}"),
            DecodeError::BadNumber { at } => write!(f, "the number before byte {at} does not fit its type"),
            DecodeError::BadMark { at, found } => write!(f, "byte {at} is {found} where only 0 or 1 may be"),
            DecodeError::BadText { at } => write!(f, "the text at byte {at} is not UTF-8"),
            DecodeError::TooMany { at, count, left } => {
                write!(
                    f,
                    "the list at byte {at} claims {count} entries where {left} bytes are left"
                )
            }
            DecodeError::TooDeep { at } => write!(f, "the value at byte {at} is nested too deep"),
            DecodeError::Trailing { at, left } => {
                write!(f, "{left} bytes are left after the value, from byte {at}")
            }
            DecodeError::UnknownVariant { at, found, variants } => {
                write!(
                    f,
                    "the variant at byte {at} is {found} where there are {variants}"
                )
            }
            DecodeError::BadShape { at, what } => write!(f, "the shape is wrong at byte {at}: {what}"),
            DecodeError::TooLarge { at, max } => {
                write!(
                    f,
                    "the value takes more than {max} bytes of memory, from byte {at}"
                )
            }
            DecodeError::Unsupported(what) => write!(f, "messages cannot hold {what}"),
            DecodeError::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(why: T) -> DecodeError {
        DecodeError::Refused(why.to_string())
    }
}
