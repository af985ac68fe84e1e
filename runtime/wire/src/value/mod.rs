//! Values whose shape is only known at run time: what a script fills in by field names, what crosses between two scripts
//! of one process as it is, and what a trace prints.

mod decode;
mod encode;
mod text;

pub use self::decode::TREE_MAX;
pub use self::encode::ValueError;

/// A value as a tree. Which of the variants can stand for which shape is described at [`Value::encode`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: a unit, or an option without a value.
    Unit,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that may be above the range of [`Value::Int`].
    Uint(u64),
    /// A number, for both widths.
    Float(f64),
    /// A text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Entries.
    List(Vec<Value>),
    /// Keys and values in their order.
    Map(Vec<(Value, Value)>),
    /// A value that may be missing.
    Option(Option<Box<Value>>),
    /// Values of several shapes.
    Tuple(Vec<Value>),
    /// Fields by name.
    Struct(Vec<(String, Value)>),
    /// One of several variants.
    Enum {
        /// Its name.
        variant: String,
        /// What it holds; [`Value::Unit`] for nothing.
        value: Box<Value>,
    },
}

impl Value {
    /// What sort of value it is, for error texts.
    fn sort(&self) -> &'static str {
        match self {
            Value::Unit | Value::Option(None) => "nothing",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::Uint(_) => "number",
            Value::Float(_) => "fraction",
            Value::Str(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Option(Some(of)) => of.sort(),
            Value::Tuple(_) => "tuple",
            Value::Struct(_) => "struct",
            Value::Enum { .. } => "enum",
        }
    }

    /// The part of the value at `path`: names of fields and of variants, text keys of maps and numbers of entries
    /// (from 1) with dots between them. Options are looked through.
    pub fn at(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .filter(|step| !step.is_empty())
            .try_fold(self, Value::step)
            .map(Value::inner)
    }

    /// The value itself, or what the option holds.
    fn inner(&self) -> &Value {
        match self {
            Value::Option(Some(of)) => of.inner(),
            _ => self,
        }
    }

    fn step(&self, name: &str) -> Option<&Value> {
        match self.inner() {
            Value::Struct(fields) => fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, value)| value),
            Value::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Value::Str(key) if key == name))
                .map(|(_, value)| value),
            Value::Enum { variant, value } if variant == name => Some(value),
            Value::List(values) | Value::Tuple(values) => {
                values.get(name.parse::<usize>().ok()?.checked_sub(1)?)
            }
            _ => None,
        }
    }
}
