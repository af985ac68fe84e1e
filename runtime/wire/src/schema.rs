//! The shape of a message type as data: what a service tells about what it handles, what a script reads to fill a
//! message by field names, and what the key of a message is computed from.

/// The shape of a type. The list is postcard's data model without what not every language has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// One byte, 0 or 1.
    Bool,
    /// One byte, two's complement.
    I8,
    /// Zigzag, seven bits a byte.
    I16,
    /// Zigzag, seven bits a byte.
    I32,
    /// Zigzag, seven bits a byte.
    I64,
    /// One byte.
    U8,
    /// Seven bits a byte.
    U16,
    /// Seven bits a byte.
    U32,
    /// Seven bits a byte.
    U64,
    /// IEEE 754, four bytes, lowest first.
    F32,
    /// IEEE 754, eight bytes, lowest first.
    F64,
    /// Length in bytes, then UTF-8.
    Str,
    /// Length, then the bytes.
    Bytes,
    /// No bytes at all.
    Unit,
    /// Number of entries, then the entries.
    List(&'static Type),
    /// Number of entries, then key and value of each.
    Map(&'static Type, &'static Type),
    /// One byte, 0 or 1; after a 1 the value.
    Option(&'static Type),
    /// The values one after the other.
    Tuple(&'static [&'static Type]),
    /// The fields one after the other; a struct without fields takes no bytes.
    Struct {
        /// The name in the program; not part of the key.
        name: &'static str,
        /// The fields in the order of declaration.
        fields: &'static [Field],
    },
    /// Number of the variant as a U32, counted from 0, then what it holds.
    Enum {
        /// The name in the program; not part of the key.
        name: &'static str,
        /// The variants in the order of declaration.
        variants: &'static [Variant],
    },
}

/// A field of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name; part of the key.
    pub name: &'static str,
    /// The shape; part of the key.
    pub ty: &'static Type,
    /// First line of the documentation; not part of the key.
    pub help: &'static str,
}

/// A variant of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name; part of the key.
    pub name: &'static str,
    /// What it holds: [`Type::Unit`] for nothing, the type itself for one unnamed field, [`Type::Tuple`] for several,
    /// [`Type::Struct`] for named ones. Part of the key.
    pub ty: &'static Type,
    /// First line of the documentation; not part of the key.
    pub help: &'static str,
}

impl Type {
    /// Fewest bytes that a value of this shape takes.
    pub const fn min_len(&self) -> u32 {
        match self {
            Type::Unit => 0,
            Type::F32 => 4,
            Type::F64 => 8,
            Type::Tuple(types) => {
                let (mut sum, mut i) = (0, 0);
                while i < types.len() {
                    sum += types[i].min_len();
                    i += 1;
                }
                sum
            }
            Type::Struct { fields, .. } => {
                let (mut sum, mut i) = (0, 0);
                while i < fields.len() {
                    sum += fields[i].ty.min_len();
                    i += 1;
                }
                sum
            }
            _ => 1,
        }
    }
}

/// A type with a shape. Derive it for the parts of a message; for the message itself derive [`macro@crate::Message`],
/// which brings it along.
///
/// A type that holds itself has no schema (its constant would never end), and neither has a list whose entries take no
/// bytes: both would let a peer ask for unbounded work with a few bytes. So neither of these compiles:
///
/// ```compile_fail
/// #[derive(gshell_wire::Schema)]
/// struct Tree {
///     branches: Vec<Tree>,
/// }
/// const TREE: gshell_wire::Type = <Tree as gshell_wire::Schema>::TYPE;
/// ```
///
/// ```compile_fail,E0080
/// const NOTHINGS: gshell_wire::Type = <Vec<()> as gshell_wire::Schema>::TYPE;
/// ```
///
/// Numbers whose width depends on the machine have no shape: a message of a 64-bit machine means the same on one of 32.
///
/// ```compile_fail,E0277
/// #[derive(gshell_wire::Schema)]
/// struct Sizes {
///     free: usize,
/// }
/// ```
///
/// Nor does a type compile that serde writes differently from what its fields say, one that is generic, or a message without
/// a good name:
///
/// ```compile_fail
/// #[derive(serde::Serialize, gshell_wire::Schema)]
/// struct Part {
///     #[serde(skip_serializing_if = "Option::is_none")]
///     text: Option<String>,
/// }
/// ```
///
/// ```compile_fail
/// #[derive(gshell_wire::Schema)]
/// struct Part<T>(T);
/// ```
///
/// ```compile_fail
/// #[derive(serde::Serialize, serde::Deserialize, gshell_wire::Message)]
/// #[message(name = "a_b")]
/// struct Part;
/// ```
pub trait Schema {
    /// The shape.
    const TYPE: Type;
}
