//! Message types for people: fields with their types and help, what is inside them below; and the same as JSON.

use gshell_wire::{Shape, Value};

use super::{Known, Type};
use crate::cli::ps::printable;
use crate::cli::value::{object, text};

/// Spaces of a level.
const INDENT: usize = 2;
/// Columns of name and type before the help begins, at least.
const LEFT: usize = 28;

/// All that is known of some types.
pub fn types(types: &[&Type], indent: usize) -> String {
    let mut page = Page {
        out: String::new(),
        shown: Vec::new(),
    };
    for ty in types {
        page.message(ty, indent);
    }
    page.out
}

struct Page<'a> {
    out: String,
    /// Structs and enums that are explained above.
    shown: Vec<&'a Shape>,
}

impl<'a> Page<'a> {
    fn line(&mut self, indent: usize, left: &str, help: &str) {
        let left = printable(left);
        self.out.extend(std::iter::repeat_n(' ', indent));
        if help.is_empty() {
            self.out.push_str(&left);
        } else {
            let width = LEFT.saturating_sub(indent);
            self.out
                .push_str(&format!("{left:<width$}  {}", plain(&printable(help))));
        }
        self.out.push('\n');
    }

    fn message(&mut self, ty: &'a Type, indent: usize) {
        let mut about = vec![format!("priority {}", ty.priority)];
        if ty.stream {
            about.push("uses the stream".to_owned());
        }
        about.push(format!("key {:016x}", ty.key));
        let head = format!("{} ({})", ty.name, about.join(", "));
        self.line(indent, &head, "");
        if !ty.help.is_empty() {
            self.line(indent + INDENT, &plain(&ty.help), "");
        }
        self.top(&ty.shape, indent + INDENT);
        for reply in &ty.replies {
            self.line(indent + INDENT, &format!("-> {}", reply.name), "");
            self.top(&reply.shape, indent + 2 * INDENT);
        }
    }

    /// The fields of a message, or its type where it has none.
    fn top(&mut self, shape: &'a Shape, indent: usize) {
        match shape {
            Shape::Struct { fields, .. } if fields.is_empty() => self.line(indent, "(no fields)", ""),
            Shape::Struct { .. } => self.parts(shape, indent),
            _ => {
                self.line(indent, &word(shape), "");
                self.below(shape, indent);
            }
        }
    }

    fn parts(&mut self, shape: &'a Shape, indent: usize) {
        match shape {
            Shape::Struct { fields, .. } => {
                for field in fields {
                    self.line(
                        indent,
                        &format!("{}: {}", field.name, word(&field.shape)),
                        &field.help,
                    );
                    self.below(&field.shape, indent);
                }
            }
            Shape::Enum { variants, .. } => {
                for variant in variants {
                    let held = match &variant.shape {
                        Shape::Unit => String::new(),
                        held => format!(" {}", word(held)),
                    };
                    self.line(indent, &format!("| {}{held}", variant.name), &variant.help);
                    self.below(&variant.shape, indent);
                }
            }
            _ => {}
        }
    }

    /// What is inside a type, unless it was said above.
    fn below(&mut self, shape: &'a Shape, indent: usize) {
        match shape {
            Shape::Struct { .. } | Shape::Enum { .. } if self.shown.contains(&shape) => {}
            Shape::Struct { .. } | Shape::Enum { .. } => {
                self.shown.push(shape);
                self.parts(shape, indent + INDENT);
            }
            Shape::List(of) | Shape::Option(of) => self.below(of, indent),
            Shape::Map(keys, values) => {
                self.below(keys, indent);
                self.below(values, indent);
            }
            Shape::Tuple(shapes) => shapes.iter().for_each(|shape| self.below(shape, indent)),
            _ => {}
        }
    }
}

/// Without the links of the program's own documentation, which lead nowhere here.
fn plain(help: &str) -> String {
    help.replace("[`", "`").replace("`]", "`")
}

/// A type in short: structs and enums by their names, as far as they have some.
fn word(shape: &Shape) -> String {
    match shape {
        Shape::Struct { name, .. } | Shape::Enum { name, .. } if !name.is_empty() => name.clone(),
        Shape::Struct { .. } => "struct".to_owned(),
        Shape::Enum { .. } => "enum".to_owned(),
        Shape::List(of) => format!("[{}]", word(of)),
        Shape::Option(of) => format!("{}?", word(of)),
        Shape::Map(keys, values) => format!("map<{}, {}>", word(keys), word(values)),
        Shape::Tuple(shapes) => format!("({})", shapes.iter().map(word).collect::<Vec<_>>().join(", ")),
        simple => simple.to_string(),
    }
}

/// A service and some of its types as JSON.
pub fn json(known: &Known, types: &[&Type]) -> Value {
    object([
        ("service", text(&known.name)),
        ("version", text(&known.version)),
        ("provider", text(&known.provider)),
        ("messages", messages(types)),
    ])
}

/// Types as JSON.
pub fn messages(types: &[&Type]) -> Value {
    Value::List(types.iter().map(|ty| message(ty)).collect())
}

fn message(ty: &Type) -> Value {
    let replies = ty.replies.iter().map(|reply| {
        object([
            ("name", text(&reply.name)),
            ("key", text(format!("{:016x}", reply.key))),
            ("type", text(reply.shape.to_string())),
            ("fields", inside(&reply.shape)),
        ])
    });
    object([
        ("name", text(&ty.name)),
        ("key", text(format!("{:016x}", ty.key))),
        ("priority", text(ty.priority.to_string())),
        ("stream", Value::Bool(ty.stream)),
        ("help", text(plain(&ty.help))),
        ("type", text(ty.shape.to_string())),
        ("fields", inside(&ty.shape)),
        ("replies", Value::List(replies.collect())),
    ])
}

/// The fields of a struct or the variants of an enum, looked for through lists and options.
fn inside(shape: &Shape) -> Value {
    let part = |name: &str, shape: &Shape, help: &str| {
        object([
            ("name", text(name)),
            ("type", text(shape.to_string())),
            ("help", text(plain(help))),
            ("fields", inside(shape)),
        ])
    };
    match shape {
        Shape::Struct { fields, .. } => {
            let fields = fields.iter();
            Value::List(
                fields
                    .map(|field| part(&field.name, &field.shape, &field.help))
                    .collect(),
            )
        }
        Shape::Enum { variants, .. } => {
            let variants = variants.iter();
            Value::List(
                variants
                    .map(|one| part(&one.name, &one.shape, &one.help))
                    .collect(),
            )
        }
        Shape::List(of) | Shape::Option(of) | Shape::Map(_, of) => inside(of),
        _ => Value::List(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_wire::{Priority, ShapeField};

    fn record(name: &str, fields: &[(&str, Shape, &str)]) -> Shape {
        let field = |(name, shape, help): &(&str, Shape, &str)| ShapeField {
            name: (*name).to_owned(),
            shape: shape.clone(),
            help: (*help).to_owned(),
        };
        Shape::Struct {
            name: name.to_owned(),
            fields: fields.iter().map(field).collect(),
        }
    }

    fn request() -> Type {
        let job = record("Job", &[("id", Shape::Str, "Its ID.")]);
        let jobs = Shape::List(Box::new(job.clone()));
        Type {
            name: "a.Ask".to_owned(),
            key: 0x12,
            shape: record(
                "Ask",
                &[("jobs", jobs, "Some."), ("one", Shape::Option(Box::new(job)), "")],
            ),
            priority: Priority::Low,
            help: "Asks.".to_owned(),
            stream: true,
            replies: vec![super::super::known::Reply {
                name: "a.Done".to_owned(),
                key: 1,
                shape: record("Done", &[]),
            }],
        }
    }

    #[test]
    fn nested_types_are_explained_once() {
        let want = "\
a.Ask (priority low, uses the stream, key 0000000000000012)
  Asks.
  jobs: [Job]                 Some.
    id: string                Its ID.
  one: Job?
  -> a.Done
    (no fields)
";
        assert_eq!(types(&[&request()], 0), want);
    }

    #[test]
    fn as_json() {
        let text = crate::cli::value::compact(&messages(&[&request()]), None);
        for part in [
            r#""type":"{ jobs: [{ id: string }], one: { id: string }? }""#,
            r#"{"name":"jobs","type":"[{ id: string }]","help":"Some.","fields":[{"name":"id""#,
            r#""replies":[{"name":"a.Done","key":"0000000000000001","type":"{}","fields":[]}]"#,
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
