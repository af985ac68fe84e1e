//! What JSON cannot say by itself: the shape tells bytes from texts, and maps from structs.

use gshell_wire::{Shape, Value, ValueError};

use super::base64;

type Result<T> = std::result::Result<T, ValueError>;

/// A tree that JSON gave as one that can be encoded as `shape`: base64 texts become bytes, objects and arrays of pairs
/// maps, `"NaN"`, `"inf"` and `"-inf"` numbers. What does not fit otherwise is left to encoding, which says so.
pub fn fit(value: Value, shape: &Shape) -> Result<Value> {
    Ok(match (shape, value) {
        (Shape::Bytes, Value::Str(text)) => match base64::decode(&text) {
            Some(bytes) => Value::Bytes(bytes),
            None => return wrong("expected bytes as base64, got another string"),
        },
        (Shape::F32 | Shape::F64, Value::Str(text)) => match text.as_str() {
            "NaN" => Value::Float(f64::NAN),
            "inf" => Value::Float(f64::INFINITY),
            "-inf" => Value::Float(f64::NEG_INFINITY),
            _ => return wrong("expected number, got string"),
        },
        (Shape::Option(_), Value::Unit) => Value::Unit,
        (Shape::Option(of), value) => Value::Option(Some(Box::new(fit(value, of)?))),
        (Shape::List(of), Value::List(values)) => Value::List(each(values, &|_| Some(of))?),
        (Shape::Tuple(shapes), Value::List(values)) => Value::List(each(values, &|at| shapes.get(at))?),
        (Shape::Map(keys, values), Value::Struct(fields)) => map(fields, keys, values)?,
        (Shape::Map(keys, values), Value::List(entries)) => pairs(entries, keys, values)?,
        (Shape::Struct { fields, .. }, Value::Struct(given)) => {
            let of = |name: &str| {
                let field = fields.iter().find(|field| field.name == name);
                field.map(|field| &field.shape)
            };
            Value::Struct(named(given, &of)?)
        }
        (Shape::Enum { variants, .. }, Value::Struct(given)) => {
            let of = |name: &str| {
                let variant = variants.iter().find(|variant| variant.name == name);
                variant.map(|variant| &variant.shape)
            };
            Value::Struct(named(given, &of)?)
        }
        (_, value) => value,
    })
}

fn wrong<T>(what: &str) -> Result<T> {
    Err(ValueError {
        path: String::new(),
        what: what.to_owned(),
    })
}

/// The error as it is seen from around.
fn under(mut error: ValueError, name: &str) -> ValueError {
    let dot = match error.path.chars().next() {
        None | Some('[') => "",
        Some(_) => ".",
    };
    error.path = format!("{name}{dot}{}", error.path);
    error
}

/// Entries are numbered from 1, as everywhere in messages.
fn each<'a>(values: Vec<Value>, of: &dyn Fn(usize) -> Option<&'a Shape>) -> Result<Vec<Value>> {
    let mut out = Vec::with_capacity(values.len());
    for (at, value) in values.into_iter().enumerate() {
        out.push(match of(at) {
            Some(shape) => fit(value, shape).map_err(|error| under(error, &format!("[{}]", at + 1)))?,
            None => value,
        });
    }
    Ok(out)
}

/// Names of JSON may come twice, and readers differ in which one counts; here that is an error.
fn named<'a>(
    given: Vec<(String, Value)>,
    of: &dyn Fn(&str) -> Option<&'a Shape>,
) -> Result<Vec<(String, Value)>> {
    let mut out: Vec<(String, Value)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let Some(shape) = of(&name) else {
            // A stranger, which encoding refuses.
            out.push((name, value));
            continue;
        };
        if out.iter().any(|(known, _)| *known == name) {
            return wrong("is given twice").map_err(|error| under(error, &name));
        }
        let value = fit(value, shape).map_err(|error| under(error, &name))?;
        out.push((name, value));
    }
    Ok(out)
}

fn map(fields: Vec<(String, Value)>, keys: &Shape, values: &Shape) -> Result<Value> {
    if !matches!(keys, Shape::Str) && !fields.is_empty() {
        return wrong("expected an array of pairs, for keys that are no strings, got an object");
    }
    let mut out = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        let value = fit(value, values).map_err(|error| under(error, &key))?;
        out.push((Value::Str(key), value));
    }
    Ok(Value::Map(out))
}

fn pairs(entries: Vec<Value>, keys: &Shape, values: &Shape) -> Result<Value> {
    let mut out = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        let here = |error| under(error, &format!("[{}]", at + 1));
        let pair = match entry {
            Value::List(pair) => <[Value; 2]>::try_from(pair).ok(),
            _ => None,
        };
        let Some([key, value]) = pair else {
            return wrong("expected a pair [key, value]").map_err(here);
        };
        out.push((fit(key, keys).map_err(here)?, fit(value, values).map_err(here)?));
    }
    Ok(Value::Map(out))
}
