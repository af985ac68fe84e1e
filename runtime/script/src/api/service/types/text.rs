//! The text form of a type, as [`Shape`] prints it: `{ who: string, num: i32 }`.
//!
//! ```text
//! type    = base [ "?" ]
//! base    = "bool" | "i8" .. "u64" | "f32" | "f64" | "string" | "bytes" | "()" | "!"
//!         | "[" type "]" | "map<" type "," type ">"
//!         | "(" type ")" | "(" type "," ... ")"
//!         | "{" name ":" type "," ... "}"
//!         | variant "|" variant "|" ...
//! variant = Name | Name "(" type "," ... ")" | Name "{" ... "}"
//! ```
//!
//! One variant alone is an enum too if its name starts with a capital letter: anything else would be a misspelt type.

use gshell_wire::{DEPTH_MAX, Shape, ShapeField, ShapeVariant};

type Result<T> = std::result::Result<T, String>;

/// Reads a type that fills `text`.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str) -> Result<Shape> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: DEPTH_MAX,
    };
    let shape = parser.shape()?;
    match parser.peek() {
        None => Ok(shape),
        Some(found) => Err(parser.unexpected(found, "the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        if self.take(wanted) {
            return Ok(());
        }
        match self.peek() {
            Some(found) => Err(self.unexpected(found, &format!("\"{wanted}\""))),
            None => Err(format!(
                "the type ends where \"{wanted}\" is expected: {}",
                self.text
            )),
        }
    }

    fn unexpected(&self, found: char, wanted: &str) -> String {
        let column = self
            .text
            .get(..self.at)
            .map_or(0, |before| before.chars().count())
            + 1;
        format!(
            "\"{found}\" at column {column} where {wanted} is expected: {}",
            self.text
        )
    }

    fn name(&mut self) -> Result<&'a str> {
        self.peek();
        let rest = self.rest();
        let len = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        match rest.get(..len) {
            Some(name) if len > 0 => {
                self.at += len;
                Ok(name)
            }
            _ => match rest.chars().next() {
                Some(found) => Err(self.unexpected(found, "a name")),
                None => Err(format!("the type ends where a name is expected: {}", self.text)),
            },
        }
    }

    fn shape(&mut self) -> Result<Shape> {
        self.depth = self.depth.checked_sub(1).ok_or("the type is nested too deep")?;
        let mut shape = self.base()?;
        while self.take('?') {
            shape = Shape::Option(Box::new(shape));
        }
        self.depth += 1;
        Ok(shape)
    }

    fn base(&mut self) -> Result<Shape> {
        match self.peek() {
            Some('[') => {
                self.at += 1;
                let of = self.shape()?;
                self.expect(']')?;
                Ok(Shape::List(Box::new(of)))
            }
            Some('{') => Ok(Shape::Struct {
                name: String::new(),
                fields: self.fields()?,
            }),
            Some('(') => {
                let (mut shapes, comma) = self.tuple()?;
                Ok(match shapes.len() {
                    0 => Shape::Unit,
                    // Parentheses alone only group.
                    1 if !comma => shapes.remove(0),
                    _ => Shape::Tuple(shapes),
                })
            }
            Some('!') => {
                self.at += 1;
                Ok(variants(Vec::new()))
            }
            Some('|') => {
                self.at += 1;
                let name = self.name()?;
                self.alternatives(name)
            }
            _ => self.named(),
        }
    }

    /// A type that starts with a name: one of the simple ones, a map, or an enum.
    fn named(&mut self) -> Result<Shape> {
        let start = self.at;
        let name = self.name()?;
        if let Some(shape) = simple(name) {
            return Ok(shape);
        }
        if name == "map" && self.take('<') {
            let keys = self.shape()?;
            self.expect(',')?;
            let values = self.shape()?;
            self.expect('>')?;
            return Ok(Shape::Map(Box::new(keys), Box::new(values)));
        }
        let shape = self.alternatives(name)?;
        let alone = matches!(&shape, Shape::Enum { variants, .. } if variants.len() == 1);
        if alone && !name.starts_with(char::is_uppercase) {
            self.at = start;
            return Err(format!(
                "there is no type \"{name}\": {} (there are bool, i8 to i64, u8 to u64, f32, f64, string, bytes, \
                 [type], map<type, type>, {{ name: type }}, and type? for one that may be missing)",
                self.text
            ));
        }
        Ok(shape)
    }

    /// The variants of an enum, the name of the first of which was read.
    fn alternatives(&mut self, first: &str) -> Result<Shape> {
        let mut found = vec![self.variant(first)?];
        while self.take('|') {
            let name = self.name()?;
            found.push(self.variant(name)?);
        }
        Ok(variants(found))
    }

    fn variant(&mut self, name: &str) -> Result<ShapeVariant> {
        if simple(name).is_some() {
            return Err(format!(
                "{name} is a type and cannot name a variant: {}",
                self.text
            ));
        }
        let shape = match self.peek() {
            Some('(') => {
                let (mut shapes, comma) = self.tuple()?;
                match shapes.len() {
                    1 if !comma => shapes.remove(0),
                    _ => Shape::Tuple(shapes),
                }
            }
            Some('{') => Shape::Struct {
                name: String::new(),
                fields: self.fields()?,
            },
            _ => Shape::Unit,
        };
        Ok(ShapeVariant {
            name: name.to_owned(),
            shape,
            help: String::new(),
        })
    }

    /// Types in parentheses, and whether there was a comma.
    fn tuple(&mut self) -> Result<(Vec<Shape>, bool)> {
        let (mut shapes, mut comma) = (Vec::new(), false);
        self.expect('(')?;
        while !self.take(')') {
            shapes.push(self.shape()?);
            if self.take(',') {
                comma = true;
            } else {
                self.expect(')')?;
                break;
            }
        }
        Ok((shapes, comma))
    }

    fn fields(&mut self) -> Result<Vec<ShapeField>> {
        let mut fields = Vec::new();
        self.expect('{')?;
        while !self.take('}') {
            let name = self.name()?.to_owned();
            if fields.iter().any(|field: &ShapeField| field.name == name) {
                return Err(format!("there are two fields {name}: {}", self.text));
            }
            self.expect(':')?;
            let shape = self.shape()?;
            fields.push(ShapeField {
                name,
                shape,
                help: String::new(),
            });
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(fields)
    }
}

/// An enum of these.
pub fn variants(variants: Vec<ShapeVariant>) -> Shape {
    Shape::Enum {
        name: String::new(),
        variants,
    }
}

fn simple(name: &str) -> Option<Shape> {
    Some(match name {
        "bool" => Shape::Bool,
        "i8" => Shape::I8,
        "i16" => Shape::I16,
        "i32" => Shape::I32,
        "i64" => Shape::I64,
        "u8" => Shape::U8,
        "u16" => Shape::U16,
        "u32" => Shape::U32,
        "u64" => Shape::U64,
        "f32" => Shape::F32,
        "f64" => Shape::F64,
        "string" => Shape::Str,
        "bytes" => Shape::Bytes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shape_prints_is_read_back() {
        for text in [
            "bool",
            "i8?",
            "[[u64]]",
            "map<string, i32>",
            "{}",
            "()",
            "!",
            "{ who: string, num: i32, list: [string]? }",
            "(i32, string)",
            "Off | On(i32) | Both(i32, string) | Named { num: i32, sub: { a: f32 } }",
            "(Off | On)?",
            "[Off | On]",
            "Single",
            "{ a: (bytes, bool)?, e: (A | B(f64))? }",
        ] {
            assert_eq!(parse(text).map(|shape| shape.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(parse(" { a:i8 , } ").unwrap().to_string(), "{ a: i8 }");
        assert_eq!(parse("(i32)?"), parse("i32?"));
        assert_eq!(parse("(i32,)"), Ok(Shape::Tuple(vec![Shape::I32])));
        assert_eq!(parse("| off").unwrap().to_string(), "off");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("strng", "there is no type \"strng\""),
            ("{ a: i32", "the type ends where \"}\""),
            ("{ a i32 }", "\"i\" at column 5 where \":\" is expected"),
            ("[i32", "ends where \"]\""),
            ("i32 x", "\"x\" at column 5 where the end"),
            ("A | i32", "i32 is a type and cannot name a variant"),
            ("", "ends where a name"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse(&"[".repeat(100_000)).unwrap_err().contains("too deep"));
    }
}
