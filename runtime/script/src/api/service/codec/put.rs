//! Lua values to bytes, or only checked: one walk for both.

use std::fmt;

use gshell_sys::values::{self, Kind, Look};
use gshell_wire::{DEPTH_MAX, Width, Writer};
use mlua::{Table, Value};

use super::plan::{Form, Part, Plan};

/// Why a value is none of the shape. Its text is `num: expected i32, got string`.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    path: String,
    what: String,
}

impl Misfit {
    #[cold]
    fn new(what: impl Into<String>) -> Misfit {
        Misfit {
            path: String::new(),
            what: what.into(),
        }
    }

    #[cold]
    fn under(mut self, name: &str) -> Misfit {
        let dot = match self.path.chars().next() {
            None | Some('[') => "",
            Some(_) => ".",
        };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// The text, with the name of the message before the path.
    pub fn of(&self, message: &str) -> String {
        match self.path.chars().next() {
            None | Some('[') => format!("{message}{self}"),
            Some(_) => format!("{message}.{self}"),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

type Result<T> = std::result::Result<T, Misfit>;

/// One walk over a value.
pub struct Put<'a> {
    /// None: it is only checked.
    out: Option<Writer<'a>>,
    depth: u8,
    /// Bytes that may still be written, about.
    left: usize,
    /// A field that the shape does not have is an error.
    strict: bool,
}

impl Put<'_> {
    /// Appends `value` to `out`, which is as it was after an error. Fields that the plan does not have are an error, but for
    /// a table with the metatable `meta`, which was looked at before; `limit`: most bytes.
    pub fn bytes(plan: &Plan, meta: &Table, value: &Value, limit: u32, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let meta = Some(meta.to_pointer().addr());
        let result = Put::walk(plan, meta, value, limit, Some(Writer::new(out)));
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Only checks.
    pub fn check(plan: &Plan, value: &Value, limit: u32) -> Result<()> {
        Put::walk(plan, None, value, limit, None)
    }

    fn walk(
        plan: &Plan,
        trusted: Option<usize>,
        value: &Value,
        limit: u32,
        out: Option<Writer<'_>>,
    ) -> Result<()> {
        let Some(lua) = plan.names.weak_lua().try_upgrade() else {
            return Err(Misfit::new("the script has ended"));
        };
        let walked = values::look(&lua, &plan.names, value, |look| {
            let mut put = Put {
                out,
                depth: DEPTH_MAX,
                left: usize::try_from(limit).unwrap_or(usize::MAX),
                strict: trusted.is_none() || look.metatable() != trusted,
            };
            put.value(&plan.form, look)
        });
        walked.unwrap_or_else(|error| Err(Misfit::new(crate::errors::root_message(&error))))
    }

    fn pay(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Misfit::new(
                "the message is too long: send it in pieces, on a stream",
            )),
        }
    }

    fn value(&mut self, form: &Form, look: &mut Look) -> Result<()> {
        self.pay(1)?;
        match form {
            Form::Bool => match look.kind() {
                Kind::Bool(yes) => self.write(|out| out.bool(yes)),
                got => return Err(expected("bool", got)),
            },
            Form::Int(width) => self.int(*width, look.kind())?,
            Form::Uint(width) => self.uint(*width, look.kind())?,
            Form::F32 => {
                let number = float("f32", look.kind())?;
                let narrow = number as f32;
                if narrow.is_infinite() && number.is_finite() {
                    return Err(range(look.kind(), "f32"));
                }
                self.write(|out| out.f32(narrow));
            }
            Form::F64 => {
                let number = float("f64", look.kind())?;
                self.write(|out| out.f64(number));
            }
            Form::Str => self.text(look.kind())?,
            Form::Bytes => self.raw(look.kind())?,
            Form::Unit => match look.kind() {
                Kind::Nil | Kind::Null => {}
                Kind::Table if look.is_empty() => {}
                got => return Err(expected("nothing", got)),
            },
            composite => {
                self.depth = self.depth.checked_sub(1).ok_or_else(too_deep)?;
                self.composite(composite, look)?;
                self.depth += 1;
            }
        }
        Ok(())
    }

    fn write(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        if let Some(out) = &mut self.out {
            write(out);
        }
    }

    fn int(&mut self, width: Width, value: Kind<'_>) -> Result<()> {
        let (name, max) = match width {
            Width::W8 => ("i8", i64::from(i8::MAX)),
            Width::W16 => ("i16", i64::from(i16::MAX)),
            Width::W32 => ("i32", i64::from(i32::MAX)),
            Width::W64 => ("i64", i64::MAX),
        };
        let number = whole(value).ok_or_else(|| misnumber(name, value))?;
        if number > max || number < -max - 1 {
            return Err(range(value, name));
        }
        self.write(|out| {
            let _ = out.int(width, number);
        });
        Ok(())
    }

    fn uint(&mut self, width: Width, value: Kind<'_>) -> Result<()> {
        let (name, max) = match width {
            Width::W8 => ("u8", u64::from(u8::MAX)),
            Width::W16 => ("u16", u64::from(u16::MAX)),
            Width::W32 => ("u32", u64::from(u32::MAX)),
            Width::W64 => ("u64", u64::MAX),
        };
        let number = match whole(value) {
            Some(number) => u64::try_from(number).ok(),
            // What is above Lua's integers is text, see `take`.
            None => Some(large(value).ok_or_else(|| misnumber(name, value))?),
        };
        let number = number
            .filter(|number| *number <= max)
            .ok_or_else(|| range(value, name))?;
        self.write(|out| {
            let _ = out.uint(width, number);
        });
        Ok(())
    }

    fn text(&mut self, value: Kind<'_>) -> Result<()> {
        let Kind::Text(bytes) = value else {
            return Err(expected("string", value));
        };
        let Ok(text) = str::from_utf8(bytes) else {
            return Err(Misfit::new("expected string, got bytes that are not UTF-8"));
        };
        self.pay(text.len())?;
        self.write(|out| out.str(text));
        Ok(())
    }

    fn raw(&mut self, value: Kind<'_>) -> Result<()> {
        let Kind::Text(bytes) = value else {
            return Err(expected("bytes", value));
        };
        self.pay(bytes.len())?;
        self.write(|out| out.bytes(bytes));
        Ok(())
    }

    fn composite(&mut self, form: &Form, look: &mut Look) -> Result<()> {
        let table = matches!(look.kind(), Kind::Table);
        match form {
            Form::Option(of) => {
                let there = !is_nothing(look.kind());
                self.write(|out| out.bool(there));
                match there {
                    true => self.value(of, look),
                    false => Ok(()),
                }
            }
            Form::Enum(variants) => self.variant(variants, look),
            Form::Struct(fields) if table => self.fields(fields, look),
            Form::List(of, _) if table => self.list(of, look),
            Form::Map(keys, values, _) if table => self.map(keys, values, look),
            Form::Tuple(forms) if table => {
                for (index, form) in (1i64..).zip(forms) {
                    self.entry(form, look, index)?;
                }
                Ok(())
            }
            Form::Struct(_) => Err(expected("table", look.kind())),
            Form::List(..) => Err(expected("list", look.kind())),
            Form::Map(..) => Err(expected("map", look.kind())),
            _ => Err(expected("tuple", look.kind())),
        }
    }

    fn fields(&mut self, fields: &[Part], look: &mut Look) -> Result<()> {
        let mut found = 0usize;
        for field in fields {
            let put = look.field(field.name, |look| {
                found += usize::from(!matches!(look.kind(), Kind::Nil));
                self.value(&field.form, look)
            });
            deep(put).map_err(|misfit| misfit.under(&field.text))?;
        }
        match self.strict && look.count(found.saturating_add(1)) > found {
            true => deep(look.each(|look| deep(look.key(|key| known(fields, key))))),
            false => Ok(()),
        }
    }

    fn entry(&mut self, form: &Form, look: &mut Look, index: i64) -> Result<()> {
        deep(look.entry(index, |look| self.value(form, look)))
            .map_err(|misfit| misfit.under(&format!("[{index}]")))
    }

    fn list(&mut self, of: &Form, look: &mut Look) -> Result<()> {
        let length = look.len();
        let count = u32::try_from(length).map_err(|_| too_many())?;
        if length == 0 && !look.is_empty() {
            return Err(Misfit::new("expected list, got a table with names"));
        }
        self.write(|out| out.len(count));
        for index in 1..=i64::from(count) {
            self.entry(of, look, index)?;
        }
        Ok(())
    }

    fn map(&mut self, keys: &Form, values: &Form, look: &mut Look) -> Result<()> {
        let count = u32::try_from(look.count(usize::MAX)).map_err(|_| too_many())?;
        self.write(|out| out.len(count));
        deep(look.each(|look| {
            let put = deep(look.key(|key| self.value(keys, key))).and_then(|()| self.value(values, look));
            put.map_err(|misfit| {
                let name = look.key(|key| shown(key.kind())).unwrap_or_default();
                misfit.under(&name)
            })
        }))
    }

    /// A variant that holds nothing is its name, another a table with one entry, `{ Name = value }`.
    fn variant(&mut self, variants: &[Part], look: &mut Look) -> Result<()> {
        match look.kind() {
            Kind::Text(name) => {
                let (index, variant) = find(variants, name)?;
                self.write(|out| out.variant(index));
                // Nothing is held, and nothing has no fields.
                let held = look.field(0, |nothing| self.value(&variant.form, nothing));
                return deep(held).map_err(|misfit| misfit.under(&variant.text));
            }
            Kind::Table => {}
            got => return Err(expected("the name of a variant", got)),
        }
        let unclear = || Misfit::new("expected the name of a variant, or a table with one entry");
        if look.count(2) != 1 {
            return Err(unclear());
        }
        deep(look.each(|look| {
            let found = look.key(|key| match key.kind() {
                Kind::Text(name) => find(variants, name),
                _ => Err(unclear()),
            });
            let (index, variant) = deep(found)?;
            self.write(|out| out.variant(index));
            // `{ Off = true }`, as it is natural for a set of names.
            if matches!(variant.form, Form::Unit) && look.kind() == Kind::Bool(true) {
                return self.pay(1);
            }
            self.value(&variant.form, look)
                .map_err(|misfit| misfit.under(&variant.text))
        }))
    }
}

/// The variant of this name, and its number.
fn find<'p>(variants: &'p [Part], name: &[u8]) -> Result<(u32, &'p Part)> {
    let found = (0u32..)
        .zip(variants)
        .find(|(_, variant)| variant.text.as_bytes() == name);
    found.ok_or_else(|| {
        let what = format!("no such variant; there are: {}", names(variants));
        Misfit::new(what).under(&shown(Kind::Text(name)))
    })
}

/// A field that the shape does not have is a misspelt one.
#[cold]
fn known(fields: &[Part], key: &Look) -> Result<()> {
    let known = |name: &[u8]| fields.iter().any(|field| field.text.as_bytes() == name);
    match key.kind() {
        Kind::Text(name) if known(name) => Ok(()),
        other => {
            let what = format!("no such field; there are: {}", names(fields));
            Err(Misfit::new(what).under(&shown(other)))
        }
    }
}

#[cold]
fn names(parts: &[Part]) -> String {
    let names: Vec<_> = parts.iter().take(20).map(|part| &*part.text).collect();
    names.join(", ")
}

#[cold]
fn too_deep() -> Misfit {
    Misfit::new("nested too deep")
}

#[cold]
fn too_many() -> Misfit {
    Misfit::new("too many entries")
}

/// Where Lua's stack is full, it was too deep.
fn deep<T>(looked: Option<Result<T>>) -> Result<T> {
    looked.unwrap_or_else(|| Err(too_deep()))
}

/// nil, or the `null` of `gshell.json`, which a list can hold.
fn is_nothing(value: Kind<'_>) -> bool {
    matches!(value, Kind::Nil | Kind::Null)
}

/// The integer that a value is; a float without a fraction is one too.
fn whole(value: Kind<'_>) -> Option<i64> {
    match value {
        Kind::Int(number) => Some(number),
        Kind::Number(number) => {
            let integer = number as i64;
            // The largest i64 as a float is one more than it.
            (integer as f64 == number && integer != i64::MAX).then_some(integer)
        }
        _ => None,
    }
}

/// An unsigned number above Lua's integers, in digits.
fn large(value: Kind<'_>) -> Option<u64> {
    let Kind::Text(text) = value else {
        return None;
    };
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

fn float(name: &str, value: Kind<'_>) -> Result<f64> {
    match value {
        Kind::Number(number) => Ok(number),
        Kind::Int(number) => Ok(number as f64),
        _ => Err(expected(name, value)),
    }
}

#[cold]
fn expected(what: &str, got: Kind<'_>) -> Misfit {
    Misfit::new(format!("expected {what}, got {}", type_name(got)))
}

fn type_name(value: Kind<'_>) -> &'static str {
    match value {
        Kind::Nil | Kind::Null => "nil",
        Kind::Bool(_) => "boolean",
        Kind::Int(_) | Kind::Number(_) => "number",
        Kind::Text(_) => "string",
        Kind::Table => "table",
        Kind::Other(name) => name,
    }
}

/// A number that is no integer, or no number at all.
#[cold]
fn misnumber(name: &str, value: Kind<'_>) -> Misfit {
    match value {
        Kind::Number(_) => range(value, name),
        _ => expected(name, value),
    }
}

#[cold]
fn range(value: Kind<'_>, name: &str) -> Misfit {
    Misfit::new(format!("{} does not fit {name}", shown(value)))
}

/// A value as an error names it.
#[cold]
fn shown(value: Kind<'_>) -> String {
    let text = match value {
        Kind::Int(number) => number.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => type_name(other).to_owned(),
    };
    text.chars().take(40).collect()
}
