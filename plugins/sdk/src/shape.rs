//! What types look like to scripts, as text that is made while compiling: `a: integer, b: integer? -> [string]`.

/// How a script sees a type. The notation is that of messages.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One word, such as `integer`.
    Word(&'static str),
    /// May be nil.
    Optional(&'static Shape),
    /// A table with items.
    List(&'static Shape),
    /// A table from one type to another.
    Map(&'static Shape, &'static Shape),
    /// A table with these fields.
    Fields(&'static [(&'static str, &'static Shape)]),
}

impl Shape {
    /// What a list of `Option` looks like: Lua cannot tell where one with nil in it ends, so the compiler stops here.
    #[allow(clippy::panic)] // in constants only, for whoever compiles the plugin
    pub(crate) const fn holes() -> Shape {
        panic!(
            "a list for scripts has no holes: instead of Vec<Option<T>>, use BTreeMap<u32, T> or another value than nil"
        )
    }
}

/// A function's names and types.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Names of its parameters and what they take.
    pub parameters: &'static [(&'static str, &'static Shape)],
    /// What it gives.
    pub results: &'static [&'static Shape],
}

/// Writes into what it has, and counts also what does not fit.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    const fn text(&mut self, text: &str) {
        let (bytes, mut at) = (text.as_bytes(), 0);
        while at < bytes.len() {
            if self.len < self.out.len() {
                self.out[self.len] = bytes[at];
            }
            self.len += 1;
            at += 1;
        }
    }

    const fn named(&mut self, parts: &[(&str, &Shape)]) {
        let mut at = 0;
        while at < parts.len() {
            self.text(if at == 0 { "" } else { ", " });
            self.text(parts[at].0);
            self.text(": ");
            self.shape(parts[at].1);
            at += 1;
        }
    }

    const fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Word(word) => self.text(word),
            Shape::Optional(of) => {
                self.shape(of);
                self.text("?");
            }
            Shape::List(of) => {
                self.text("[");
                self.shape(of);
                self.text("]");
            }
            Shape::Map(keys, values) => {
                self.text("map<");
                self.shape(keys);
                self.text(", ");
                self.shape(values);
                self.text(">");
            }
            Shape::Fields([]) => self.text("{}"),
            Shape::Fields(fields) => {
                self.text("{ ");
                self.named(fields);
                self.text(" }");
            }
        }
    }

    const fn signature(&mut self, signature: &Signature) {
        self.named(signature.parameters);
        let mut at = 0;
        while at < signature.results.len() {
            self.text(match (at, signature.parameters.len()) {
                (0, 0) => "-> ",
                (0, _) => " -> ",
                _ => ", ",
            });
            self.shape(signature.results[at]);
            at += 1;
        }
    }
}

impl Signature {
    /// Bytes of its text.
    pub const fn len(&self) -> usize {
        let mut writer = Writer { out: &mut [], len: 0 };
        writer.signature(self);
        writer.len
    }

    /// Whether the function takes and gives nothing.
    pub const fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.results.is_empty()
    }

    /// Its text, for which `N` is [`Signature::len`].
    pub const fn text<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        let mut writer = Writer {
            out: &mut out,
            len: 0,
        };
        writer.signature(self);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTEGER: Shape = Shape::Word("integer");

    fn text(signature: &Signature) -> String {
        String::from_utf8(signature.text::<100>()[..signature.len()].to_vec()).unwrap()
    }

    const LIST: Shape = Shape::List(&Shape::Optional(&INTEGER));
    const FIELDS: Shape = Shape::Fields(&[("size", &INTEGER), ("sub", &Shape::Fields(&[]))]);
    const MAP: Shape = Shape::Map(&Shape::Word("string"), &FIELDS);
    const FULL: Signature = Signature {
        parameters: &[("a", &INTEGER), ("b", &LIST)],
        results: &[&MAP, &INTEGER],
    };

    #[test]
    fn all_notations() {
        assert_eq!(
            text(&FULL),
            "a: integer, b: [integer?] -> map<string, { size: integer, sub: {} }>, integer"
        );
        let parameters: &'static [(&str, &Shape)] = &[];
        assert_eq!(text(&Signature { parameters, ..FULL }).find("-> map"), Some(0));
        assert_eq!(
            text(&Signature { results: &[], ..FULL }),
            "a: integer, b: [integer?]"
        );
        let empty = Signature {
            parameters,
            results: &[],
        };
        assert_eq!((text(&empty), empty.is_empty()), (String::new(), true));
    }
}
