//! Types as a script declares them: as text, as tables, or made by the functions of `gshell.types`.

use gshell_wire::{DEPTH_MAX, Shape, ShapeField, ShapeVariant};
use mlua::{Lua, Result, Table, UserData, UserDataFields, UserDataRef, Value};

use super::message::Message;
use crate::api::options::invalid;
use crate::call::{self, Functions, Rest};

/// A type that was made by a function of `gshell.types`.
struct Made(Shape);

impl UserData for Made {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (UserDataRef<Made>,)| Ok(this.0.to_string()))
        });
    }
}

/// The table `gshell.types`.
pub fn register(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    let add = Functions { lua, table: &table };
    add.value("optional", |_, (of,): (Value,)| {
        Ok(Made(Shape::Option(Box::new(of_argument("optional", &of)?))))
    })?;
    add.value("list", |_, (of,): (Value,)| {
        Ok(Made(Shape::List(Box::new(of_argument("list", &of)?))))
    })?;
    add.value("map", |_, (keys, values): (Value, Value)| {
        let (keys, values) = (of_argument("map", &keys)?, of_argument("map", &values)?);
        Ok(Made(Shape::Map(Box::new(keys), Box::new(values))))
    })?;
    add.value("tuple", |_, Rest(of): Rest| {
        let shapes = of.iter().map(|of| of_argument("tuple", of));
        Ok(Made(Shape::Tuple(shapes.collect::<Result<_>>()?)))
    })?;
    add.value("enum", |_, (of,): (Table,)| {
        let variants = variants(&of).map_err(|what| invalid("gshell.types.enum", &what))?;
        Ok(Made(Shape::Enum {
            name: String::new(),
            variants,
        }))
    })?;
    Ok(table)
}

fn of_argument(function: &str, value: &Value) -> Result<Shape> {
    shape(value).map_err(|what| invalid("gshell.types", &format!("{function}: {what}")))
}

type Declared<T> = std::result::Result<T, String>;

/// The shape that a value declares.
///
/// # Errors
/// What is wrong with it.
pub fn shape(value: &Value) -> Declared<Shape> {
    let shape = nested(value, DEPTH_MAX)?;
    match shape.check() {
        Ok(()) => Ok(shape),
        Err(flaw) => Err(flaw.to_string()),
    }
}

fn nested(value: &Value, depth: u8) -> Declared<Shape> {
    let depth = depth.checked_sub(1).ok_or("the type is nested too deep")?;
    match value {
        Value::String(text) => match text.to_str() {
            Ok(text) => Shape::parse(&text),
            Err(_) => Err("a type is text".to_owned()),
        },
        Value::Table(table) => composite(table, depth),
        Value::UserData(object) => {
            if let Ok(made) = object.borrow::<Made>() {
                return Ok(made.0.clone());
            }
            match object.borrow::<Message>() {
                Ok(message) => Ok(message.0.shape.as_ref().clone()),
                Err(_) => Err("a type is a text, a table, a message or one of gshell.types".to_owned()),
            }
        }
        other => Err(format!(
            "a type is a text, a table, a message or one of gshell.types, not a {}",
            other.type_name()
        )),
    }
}

/// `{ "i32" }` is a list, `{ { "name", type }, ... }` a struct whose fields keep their order, `{ name = type, ... }` a
/// struct whose fields are sorted by name.
fn composite(table: &Table, depth: u8) -> Declared<Shape> {
    let fault = |error: mlua::Error| error.to_string();
    let length = table.raw_len();
    if length == 0 {
        return by_name(table, depth);
    }
    if table.pairs::<Value, Value>().count() != length {
        return Err("a table of a type has either names or entries, not both".to_owned());
    }
    let first: Value = table.raw_get(1).map_err(fault)?;
    if length == 1 && pair(&first).is_none() {
        return Ok(Shape::List(Box::new(nested(&first, depth)?)));
    }
    let mut fields: Vec<ShapeField> = Vec::with_capacity(length.min(64));
    for index in 1..=length {
        let entry: Value = table.raw_get(index).map_err(fault)?;
        let Some((name, ty, help)) = pair(&entry) else {
            return Err(format!(
                "entry {index} is no field: a list of fields holds {{ \"name\", type }}, and a list {{ type }}"
            ));
        };
        let shape = nested(&ty, depth).map_err(|what| format!("{name}: {what}"))?;
        if fields.iter().any(|field| field.name == name) {
            return Err(format!("{name}: there are two fields of this name"));
        }
        fields.push(ShapeField { name, shape, help });
    }
    Ok(Shape::Struct {
        name: String::new(),
        fields,
    })
}

fn by_name(table: &Table, depth: u8) -> Declared<Shape> {
    let mut fields = Vec::new();
    for entry in table.pairs::<Value, Value>() {
        let (name, ty) = entry.map_err(|error| error.to_string())?;
        let Some(name) = text_of(&name) else {
            return Err(format!("the name of a field is text, not a {}", name.type_name()));
        };
        let shape = nested(&ty, depth).map_err(|what| format!("{name}: {what}"))?;
        fields.push(ShapeField {
            name,
            shape,
            help: String::new(),
        });
    }
    gshell_small::sort_by(&mut fields, |a, b| a.name.cmp(&b.name));
    Ok(Shape::Struct {
        name: String::new(),
        fields,
    })
}

/// `{ "name", type, help }`; the help may be missing.
fn pair(entry: &Value) -> Option<(String, Value, String)> {
    let table = entry.as_table()?;
    let name = text_of(&table.raw_get(1).ok()?)?;
    let ty: Value = table.raw_get(2).ok()?;
    let help = text_of(&table.raw_get(3).ok()?).unwrap_or_default();
    (!ty.is_nil()).then_some((name, ty, help))
}

fn text_of(value: &Value) -> Option<String> {
    value
        .as_string()
        .and_then(|text| text.to_str().ok().map(|text| text.to_owned()))
}

/// `{ "Off", { "On", "i32" }, ... }`.
fn variants(table: &Table) -> Declared<Vec<ShapeVariant>> {
    let mut found: Vec<ShapeVariant> = Vec::new();
    for index in 1..=table.raw_len() {
        let entry: Value = table.raw_get(index).map_err(|error| error.to_string())?;
        let (name, shape, help) = match (text_of(&entry), pair(&entry)) {
            (Some(name), _) => (name, Shape::Unit, String::new()),
            (None, Some((name, ty, help))) => {
                let shape = nested(&ty, DEPTH_MAX).map_err(|what| format!("{name}: {what}"))?;
                (name, shape, help)
            }
            _ => {
                return Err(format!(
                    "entry {index} is neither a name nor {{ \"name\", type }}"
                ));
            }
        };
        if found.iter().any(|variant| variant.name == name) {
            return Err(format!("{name}: there are two variants of this name"));
        }
        found.push(ShapeVariant { name, shape, help });
    }
    Ok(found)
}
