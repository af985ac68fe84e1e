//! Which messages are traced: tags by name, each for a number of calls.

use super::token::{Base, trace_id};
use gshell_wire::matches;

/// Calls that one tag may trace.
pub const MOST_CALLS: u32 = 4096;
/// Tags of a process.
pub const MOST_TAGS: usize = 64;

/// One tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Name of the message, `*` stands for anything.
    pub name: String,
    /// Calls that are still to be traced.
    pub left: u32,
    /// Calls that were traced.
    pub used: u32,
    /// Paths of fields and what their text has to be like; all must match.
    pub filters: Vec<(String, String)>,
    /// What the tokens begin with.
    pub base: Base,
}

/// The tags of a process.
#[derive(Debug, Default)]
pub struct Tags(Vec<Tag>);

/// What a message has at a path, as text.
pub type Fields<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Tags {
    /// No tags yet.
    pub const fn new() -> Tags {
        Tags(Vec::new())
    }

    /// Adds a tag for `count` calls. One with the same name keeps its base, so that its tokens go on counting.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(
        &mut self,
        name: &str,
        count: u32,
        filters: Vec<(String, String)>,
        base: Base,
    ) -> Result<&Tag, String> {
        if name.is_empty() {
            return Err("a tag needs the name of a message".to_owned());
        }
        if count == 0 || count > MOST_CALLS {
            return Err(format!("{count} calls cannot be traced, 1 to {MOST_CALLS} can"));
        }
        let known = self.0.iter().position(|tag| tag.name == name);
        if known.is_none() && self.0.len() >= MOST_TAGS {
            return Err(format!("{MOST_TAGS} tags are set, the limit: take one away"));
        }
        let at = known.unwrap_or(self.0.len());
        match self.0.get_mut(at) {
            // The count in a token has two bytes.
            Some(tag) if tag.used + count <= u32::from(u16::MAX) => {
                tag.left = count;
                tag.filters = filters;
            }
            _ => {
                let tag = Tag {
                    name: name.to_owned(),
                    left: count,
                    used: 0,
                    filters,
                    base,
                };
                match self.0.get_mut(at) {
                    Some(old) => *old = tag,
                    None => self.0.push(tag),
                }
            }
        }
        self.0.get(at).ok_or_else(|| "no tag".to_owned())
    }

    /// Takes the tags away whose name `pattern` matches; gives how many.
    pub fn remove(&mut self, pattern: &str) -> u32 {
        let before = self.0.len();
        self.0
            .retain(|tag| tag.name != pattern && !matches(pattern, &tag.name));
        (before - self.0.len()) as u32
    }

    /// All tags.
    pub fn all(&self) -> &[Tag] {
        &self.0
    }

    /// Whether any tag still traces something.
    pub fn any(&self) -> bool {
        self.0.iter().any(|tag| tag.left > 0)
    }

    /// The trace that a message begins, if a tag wants it.
    pub fn begin(&mut self, name: &str, fields: Fields<'_>) -> Option<[u8; 16]> {
        let wanted = |tag: &&mut Tag| {
            let all =
                |(path, pattern): &(String, String)| fields(path).is_some_and(|text| matches(pattern, &text));
            tag.left > 0 && matches(&tag.name, name) && tag.filters.iter().all(all)
        };
        let tag = self.0.iter_mut().find(wanted)?;
        let n = tag.used;
        tag.left -= 1;
        tag.used += 1;
        Some(trace_id(&tag.base, u16::try_from(n).unwrap_or(u16::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn as_many_calls_as_were_asked_for() {
        let mut tags = Tags::new();
        let base = tags.set("a.*", 2, Vec::new(), [7; 14]).unwrap().base;
        assert_eq!(tags.begin("b.C", &none), None);
        assert_eq!(tags.begin("a.C", &none), Some(trace_id(&base, 0)));
        assert_eq!(tags.begin("a.D", &none), Some(trace_id(&base, 1)));
        assert_eq!((tags.begin("a.C", &none), tags.any()), (None, false));
        tags.set("a.*", 1, Vec::new(), [8; 14]).unwrap();
        assert_eq!(tags.begin("a.C", &none), Some(trace_id(&base, 2)));
        assert_eq!((tags.remove("*"), tags.all().len()), (1, 0));
    }

    #[test]
    fn filters_must_all_match() {
        let mut tags = Tags::new();
        let filters = vec![
            ("who".to_owned(), "J*n".to_owned()),
            ("n".to_owned(), "1".to_owned()),
        ];
        tags.set("a.B", 9, filters, [7; 14]).unwrap();
        let message = |who: &'static str, n: &'static str| {
            move |path: &str| match path {
                "who" => Some(who.to_owned()),
                "n" => Some(n.to_owned()),
                _ => None,
            }
        };
        assert!(tags.begin("a.B", &message("John", "1")).is_some());
        assert!(tags.begin("a.B", &message("John", "2")).is_none());
        assert!(tags.begin("a.B", &message("Jo", "1")).is_none());
        assert!(tags.begin("a.B", &none).is_none());
    }

    #[test]
    fn bounds() {
        let mut tags = Tags::new();
        assert!(tags.set("a", 0, Vec::new(), [0; 14]).is_err());
        assert!(tags.set("a", MOST_CALLS + 1, Vec::new(), [0; 14]).is_err());
        assert!(tags.set("", 1, Vec::new(), [0; 14]).is_err());
        for n in 0..MOST_TAGS {
            tags.set(&n.to_string(), 1, Vec::new(), [0; 14]).unwrap();
        }
        assert!(tags.set("one-more", 1, Vec::new(), [0; 14]).is_err());
        assert!(tags.set("3", 5, Vec::new(), [0; 14]).is_ok());
    }
}
