//! What is not the same in two shapes, in words: two boards with different versions get a sentence instead of garbage.

use super::Shape;

/// Differences that are told; a shape that is another one altogether has many.
const TOLD: usize = 3;
/// Most characters of a shape in the text.
const SHAPE_TEXT: usize = 80;

impl Shape {
    /// What is different in the shape that the service has (`theirs`) from this side's, such as
    /// `the service has num: i64, this side has num: i32`; `None` if values of one are values of the other. Fields of
    /// fields are named by their path, the entries of a list by `[]`. Names of types and help do not count.
    pub fn difference(&self, theirs: &Shape) -> Option<String> {
        let mut found = Found {
            texts: Vec::new(),
            more: 0,
        };
        found.compare("", theirs, self);
        if found.texts.is_empty() {
            return None;
        }
        if found.more > 0 {
            found.texts.push(format!("and {} more", found.more));
        }
        Some(found.texts.join("; "))
    }
}

/// A field or variant.
struct Part<'a> {
    name: &'a str,
    shape: &'a Shape,
}

struct Found {
    texts: Vec<String>,
    more: usize,
}

impl Found {
    fn add(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() < TOLD {
            self.texts.push(text());
        } else {
            self.more += 1;
        }
    }

    fn compare(&mut self, path: &str, theirs: &Shape, ours: &Shape) {
        match (theirs, ours) {
            (Shape::List(a), Shape::List(b)) => self.compare(&format!("{path}[]"), a, b),
            (Shape::Option(a), Shape::Option(b)) => self.compare(path, a, b),
            (Shape::Map(ka, va), Shape::Map(kb, vb)) => {
                self.compare(&join(path, "key"), ka, kb);
                self.compare(&format!("{path}[]"), va, vb);
            }
            (Shape::Tuple(a), Shape::Tuple(b)) if a.len() == b.len() => {
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    self.compare(&join(path, &(i + 1).to_string()), a, b);
                }
            }
            (Shape::Struct { fields: a, .. }, Shape::Struct { fields: b, .. }) => {
                let a: Vec<_> = a.iter().map(|part| part_of(&part.name, &part.shape)).collect();
                let b: Vec<_> = b.iter().map(|part| part_of(&part.name, &part.shape)).collect();
                self.parts(path, "field", &a, &b);
            }
            (Shape::Enum { variants: a, .. }, Shape::Enum { variants: b, .. }) => {
                let a: Vec<_> = a.iter().map(|part| part_of(&part.name, &part.shape)).collect();
                let b: Vec<_> = b.iter().map(|part| part_of(&part.name, &part.shape)).collect();
                self.parts(path, "variant", &a, &b);
            }
            _ if theirs.tag() == ours.tag() && !matches!(theirs, Shape::Tuple(_)) => {}
            _ => self.add(|| {
                let (theirs, ours) = (cut(theirs), cut(ours));
                match path {
                    "" => format!("the service has {theirs}, this side has {ours}"),
                    _ => format!("the service has {path}: {theirs}, this side has {path}: {ours}"),
                }
            }),
        }
    }

    fn parts(&mut self, path: &str, what: &str, theirs: &[Part<'_>], ours: &[Part<'_>]) {
        let before = (self.texts.len(), self.more);
        for part in theirs {
            let name = join(path, part.name);
            match ours.iter().find(|other| other.name == part.name) {
                Some(other) => self.compare(&name, part.shape, other.shape),
                None => {
                    self.add(|| format!("the service has {name}: {}, this side does not", cut(part.shape)));
                }
            }
        }
        for part in ours {
            if !theirs.iter().any(|other| other.name == part.name) {
                self.add(|| {
                    let name = join(path, part.name);
                    format!("this side has {name}: {}, the service does not", cut(part.shape))
                });
            }
        }
        let same_order = || theirs.iter().map(|p| p.name).eq(ours.iter().map(|p| p.name));
        if before == (self.texts.len(), self.more) && !same_order() {
            self.add(|| {
                let at = if path.is_empty() {
                    String::new()
                } else {
                    format!(" of {path}")
                };
                let (theirs, ours) = (names(theirs), names(ours));
                format!("the service has the {what}s{at} in the order {theirs}, this side {ours}")
            });
        }
    }
}

fn part_of<'a>(name: &'a str, shape: &'a Shape) -> Part<'a> {
    Part { name, shape }
}

fn names(parts: &[Part<'_>]) -> String {
    let names: Vec<_> = parts.iter().map(|part| part.name).collect();
    shorten(names.join(", "))
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

fn cut(shape: &Shape) -> String {
    shorten(shape.to_string())
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(SHAPE_TEXT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
