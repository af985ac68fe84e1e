//! Places in a message by path: names of fields and variants, text keys of maps and numbers of entries (from 1, as in
//! traces and error texts) with dots between them. `+` is a new entry at the end of a list, `-` the last one there is.

use gshell_wire::{Code, Fault, Shape, Value};

/// The step that makes a new entry of a list.
const NEW: &str = "+";
/// The step that is the last entry of a list.
const LAST: &str = "-";

type Result<T> = std::result::Result<T, Fault>;

fn invalid(path: &str, what: &str) -> Fault {
    let dots = if path.is_empty() { "" } else { ": " };
    Fault::new(Code::Invalid, format!("{path}{dots}{what}"))
}

/// The steps of a path.
pub fn steps(path: &str) -> Vec<&str> {
    path.split('.').filter(|step| !step.is_empty()).collect()
}

fn no_such<'a>(path: &str, what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Fault {
    let names: Vec<_> = names.take(20).collect();
    let text = format!("there is no {what} {name:?}; there are: {}", names.join(", "));
    invalid(path, &text)
}

/// The shape of what is at a path; whether it is there does not matter.
///
/// # Errors
/// `Invalid` for a path that no message of this shape has.
pub fn shape_at<'a>(shape: &'a Shape, steps: &[&str], path: &str) -> Result<&'a Shape> {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(shape);
    };
    match shape {
        Shape::Option(of) => shape_at(of, steps, path),
        Shape::Struct { fields, .. } => match fields.iter().find(|field| field.name == *step) {
            Some(field) => shape_at(&field.shape, rest, path),
            None => Err(no_such(
                path,
                "field",
                step,
                fields.iter().map(|field| field.name.as_str()),
            )),
        },
        Shape::Enum { variants, .. } => match variants.iter().find(|variant| variant.name == *step) {
            Some(variant) => shape_at(&variant.shape, rest, path),
            None => Err(no_such(
                path,
                "variant",
                step,
                variants.iter().map(|variant| variant.name.as_str()),
            )),
        },
        Shape::List(of) => {
            if ![NEW, LAST].contains(step) && number(step).is_none() {
                let text = format!("{step:?} is no entry: numbers from 1, \"+\" for a new one, \"-\" for the last");
                return Err(invalid(path, &text));
            }
            shape_at(of, rest, path)
        }
        Shape::Tuple(shapes) => match number(step).and_then(|at| shapes.get(at)) {
            Some(of) => shape_at(of, rest, path),
            None => Err(invalid(path, &format!("there are values 1 to {}", shapes.len()))),
        },
        Shape::Map(keys, values) => {
            key(keys, step).ok_or_else(|| invalid(path, &format!("{step:?} is no key of type {keys}")))?;
            shape_at(values, rest, path)
        }
        _ => Err(invalid(path, &format!("a {shape} has no part {step:?}"))),
    }
}

/// The index of an entry's number.
fn number(step: &str) -> Option<usize> {
    step.parse::<usize>().ok()?.checked_sub(1)
}

/// A map's key as it is in a decoded tree.
fn key(shape: &Shape, step: &str) -> Option<Value> {
    match shape {
        Shape::Str => Some(Value::Str(step.to_owned())),
        Shape::I8 | Shape::I16 | Shape::I32 | Shape::I64 => step.parse().ok().map(Value::Int),
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 => step.parse().ok().map(Value::Uint),
        _ => None,
    }
}

/// What is at a path, if it is there.
pub fn get<'a>(value: &'a Value, steps: &[&str]) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else {
        return match value {
            Value::Option(of) => of.as_deref().and_then(|of| get(of, &[])),
            Value::Unit => None,
            _ => Some(value),
        };
    };
    match value {
        Value::Option(of) => get(of.as_deref()?, steps),
        Value::List(entries) if *step == LAST => get(entries.last()?, rest),
        Value::Map(entries) => {
            let is_it = |key: &Value| match key {
                Value::Str(text) => text == step,
                Value::Int(number) => step.parse() == Ok(*number),
                Value::Uint(number) => step.parse() == Ok(*number),
                _ => false,
            };
            get(&entries.iter().find(|(key, _)| is_it(key))?.1, rest)
        }
        _ => get(value.at(step)?, rest),
    }
}

/// The place of a path, made if it is not there. The path is one that [`shape_at`] accepts.
///
/// # Errors
/// `Invalid` for an entry of a list that is not there.
pub fn place<'a>(
    value: &'a mut Value,
    shape: &Shape,
    steps: &[&str],
    path: &str,
) -> Result<&'a mut Value> {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(value);
    };
    let wrong = || invalid(path, "there is no such place");
    match shape {
        Shape::Option(of) => match value {
            Value::Option(Some(inner)) => place(inner, of, steps, path),
            none => {
                if matches!(none, Value::Option(None)) {
                    *none = Value::Unit;
                }
                place(none, of, steps, path)
            }
        },
        Shape::Struct { fields, .. } => {
            let field = fields.iter().find(|field| field.name == *step).ok_or_else(wrong)?;
            if !matches!(value, Value::Struct(_)) {
                *value = Value::Struct(Vec::new());
            }
            let Value::Struct(parts) = value else { return Err(wrong()) };
            let at = parts.iter().position(|(name, _)| name == step).unwrap_or_else(|| {
                parts.push((field.name.clone(), Value::Unit));
                parts.len() - 1
            });
            place(&mut parts[at].1, &field.shape, rest, path)
        }
        Shape::Enum { variants, .. } => {
            let of = variants.iter().find(|known| known.name == *step).ok_or_else(wrong)?;
            if !matches!(value, Value::Enum { variant, .. } if variant == step) {
                *value = Value::Enum {
                    variant: of.name.clone(),
                    value: Box::new(Value::Unit),
                };
            }
            let Value::Enum { value, .. } = value else { return Err(wrong()) };
            place(value, &of.shape, rest, path)
        }
        Shape::List(of) => {
            if !matches!(value, Value::List(_)) {
                *value = Value::List(Vec::new());
            }
            let Value::List(entries) = value else { return Err(wrong()) };
            let at = match *step {
                NEW => {
                    entries.push(Value::Unit);
                    Some(entries.len() - 1)
                }
                LAST => entries.len().checked_sub(1),
                step => number(step),
            };
            let count = entries.len();
            match at.and_then(|at| entries.get_mut(at)) {
                Some(entry) => place(entry, of, rest, path),
                None => Err(invalid(path, &format!("the list has {count} entries"))),
            }
        }
        Shape::Tuple(shapes) => {
            if !matches!(value, Value::Tuple(_)) {
                *value = Value::Tuple(vec![Value::Unit; shapes.len()]);
            }
            let Value::Tuple(parts) = value else { return Err(wrong()) };
            let at = number(step).ok_or_else(wrong)?;
            match (parts.get_mut(at), shapes.get(at)) {
                (Some(part), Some(of)) => place(part, of, rest, path),
                _ => Err(wrong()),
            }
        }
        Shape::Map(keys, values) => {
            if !matches!(value, Value::Map(_)) {
                *value = Value::Map(Vec::new());
            }
            let Value::Map(entries) = value else { return Err(wrong()) };
            let key = key(keys, step).ok_or_else(wrong)?;
            let at = entries.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                entries.push((key, Value::Unit));
                entries.len() - 1
            });
            place(&mut entries[at].1, values, rest, path)
        }
        _ => Err(wrong()),
    }
}
