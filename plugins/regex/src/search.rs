//! What is done with an expression and a text. Positions are those of Lua: from 1, the last one included.

use std::borrow::Cow;

use gshell_plugin_sdk::{Code, Error, Result, Value};
use regex_lite::Captures;

use crate::compiled::{self, Compiled};

/// Bytes that a replacement makes at most: 16 MiB.
pub const RESULT_LIMIT: u32 = 16 << 20;
/// Pieces that a list has at most when nothing else is said.
pub const LIST_LIMIT: u32 = 10_000;

/// Whether nobody waits any more.
pub type Cancelled<'a> = &'a dyn Fn() -> bool;

/// An expression and a text as both are searched.
pub struct Search<'a> {
    compiled: &'a Compiled,
    text: Cow<'a, str>,
    /// Bytes above 127 became two bytes each.
    is_wide: bool,
}

/// First and last position and the match, or nothing.
pub type Place = (Option<i64>, Option<i64>, Option<Vec<u8>>);

/// A list, and whether there is more than what it may have.
pub type List = (Vec<Value>, bool);

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Code::Invalid, text.into())
}

fn check(cancelled: Cancelled<'_>) -> Result<()> {
    match cancelled() {
        true => Err(Error::new(Code::Cancelled, "nobody waits for it any more")),
        false => Ok(()),
    }
}

impl<'a> Search<'a> {
    /// Prepares one.
    ///
    /// # Errors
    /// When the text is not what the expression is for.
    pub fn new(compiled: &'a Compiled, text: &'a [u8]) -> Result<Search<'a>> {
        let problem = || invalid("the text is not UTF-8; compile the expression with { bytes = true }");
        let text = compiled::text(text, compiled.is_bytes()).ok_or_else(problem)?;
        let is_wide = matches!(text, Cow::Owned(_));
        Ok(Search {
            compiled,
            text,
            is_wide,
        })
    }

    /// A part of the text as it was given.
    fn bytes(&self, part: &str) -> Vec<u8> {
        match self.is_wide {
            // Each character is a byte of before.
            true => part.chars().map(|c| c as u8).collect(),
            false => part.as_bytes().to_vec(),
        }
    }

    fn value(&self, part: &str) -> Value {
        Value::Bytes(self.bytes(part))
    }

    /// Bytes of before in front of an offset.
    fn before(&self, offset: usize) -> i64 {
        let front = self.text.get(..offset).unwrap_or_default();
        let count = if self.is_wide {
            front.chars().count()
        } else {
            front.len()
        };
        count as i64
    }

    /// Where a search begins; `None`: behind the end.
    fn start(&self, first: Option<i64>) -> Result<Option<usize>> {
        let first = first.unwrap_or(1);
        let Some(skip) = first.checked_sub(1).and_then(|skip| usize::try_from(skip).ok()) else {
            return Err(invalid(format!("positions begin at 1, not at {first}")));
        };
        if self.is_wide {
            let mut ends = self
                .text
                .char_indices()
                .map(|(at, _)| at)
                .chain([self.text.len()]);
            return Ok(ends.nth(skip));
        }
        match skip <= self.text.len() {
            true if !self.text.is_char_boundary(skip) => {
                Err(invalid(format!("position {first} is within a character")))
            }
            is_inside => Ok(is_inside.then_some(skip)),
        }
    }

    /// Whether there is a match.
    ///
    /// # Errors
    /// When the position is none.
    pub fn is_match(&self, first: Option<i64>) -> Result<bool> {
        let start = self.start(first)?;
        Ok(start.is_some_and(|start| self.compiled.regex.is_match_at(&self.text, start)))
    }

    /// Positions of the first match, and the match.
    ///
    /// # Errors
    /// When the position is none.
    pub fn find(&self, first: Option<i64>) -> Result<Place> {
        let start = self.start(first)?;
        let found = start.and_then(|start| self.compiled.regex.find_at(&self.text, start));
        Ok(match found {
            Some(found) => (
                Some(self.before(found.start()) + 1),
                Some(self.before(found.end())),
                Some(self.bytes(found.as_str())),
            ),
            None => (None, None, None),
        })
    }

    /// The first match with its groups.
    ///
    /// # Errors
    /// When the position is none.
    pub fn captures(&self, first: Option<i64>) -> Result<Option<Value>> {
        let start = self.start(first)?;
        let found = start.and_then(|start| self.compiled.regex.captures_at(&self.text, start));
        Ok(found.map(|found| self.groups(&found)))
    }

    /// The whole match as 0, groups by number, and those with names by these, too.
    fn groups(&self, found: &Captures<'_>) -> Value {
        let mut pairs = Vec::new();
        for (index, name) in self.compiled.regex.capture_names().enumerate() {
            let Some(group) = found.get(index) else {
                continue;
            };
            pairs.push((Value::Integer(index as i64), self.value(group.as_str())));
            if let Some(name) = name {
                pairs.push((name.into(), self.value(group.as_str())));
            }
        }
        Value::Table(pairs)
    }

    /// All matches.
    ///
    /// # Errors
    /// When nobody waits any more.
    pub fn find_all(&self, limit: Option<u32>, cancelled: Cancelled<'_>) -> Result<List> {
        let found = self.compiled.regex.find_iter(&self.text);
        collect(found.map(|found| self.value(found.as_str())), limit, cancelled)
    }

    /// All matches with their groups.
    ///
    /// # Errors
    /// When nobody waits any more.
    pub fn captures_all(&self, limit: Option<u32>, cancelled: Cancelled<'_>) -> Result<List> {
        let found = self.compiled.regex.captures_iter(&self.text);
        collect(found.map(|found| self.groups(&found)), limit, cancelled)
    }

    /// The text with matches replaced, and how many. In the template `$1` and `${name}` are groups.
    ///
    /// # Errors
    /// When it becomes too long, the template is not what the expression is for, or nobody waits any more.
    pub fn replace(
        &self,
        template: &[u8],
        limit: Option<u32>,
        cancelled: Cancelled<'_>,
    ) -> Result<(Vec<u8>, u32)> {
        let problem = || invalid("the template is not UTF-8; compile the expression with { bytes = true }");
        let template = compiled::text(template, self.compiled.is_bytes()).ok_or_else(problem)?;
        let limit = limit.unwrap_or(u32::MAX);
        let (mut out, mut end, mut count) = (String::new(), 0, 0);
        let whole = |out: &String| match out.len() > RESULT_LIMIT as usize {
            true => Err(Error::new(
                Code::Limit,
                format!("the text with replacements has more than {RESULT_LIMIT} bytes"),
            )),
            false => Ok(()),
        };
        for found in self.compiled.regex.captures_iter(&self.text).take(limit as usize) {
            check(cancelled)?;
            let Some(all) = found.get(0) else {
                continue;
            };
            out.push_str(self.text.get(end..all.start()).unwrap_or_default());
            found.expand(&template, &mut out);
            whole(&out)?;
            (end, count) = (all.end(), count + 1);
        }
        out.push_str(self.text.get(end..).unwrap_or_default());
        whole(&out)?;
        let is_wide = self.is_wide || matches!(template, Cow::Owned(_));
        let out = match is_wide {
            true => out.chars().map(|c| c as u8).collect(),
            false => out.into_bytes(),
        };
        Ok((out, count))
    }

    /// What is between matches, of so many pieces at most: the last one has the rest.
    ///
    /// # Errors
    /// When there are too many pieces and no limit was said, or nobody waits any more.
    pub fn split(&self, limit: Option<u32>, cancelled: Cancelled<'_>) -> Result<Vec<Value>> {
        let pieces = self
            .compiled
            .regex
            .splitn(&self.text, limit.unwrap_or(LIST_LIMIT + 1) as usize);
        let mut list = Vec::new();
        for piece in pieces {
            check(cancelled)?;
            list.push(self.value(piece));
        }
        if limit.is_none() && list.len() > LIST_LIMIT as usize {
            let text = format!("the text has more than {LIST_LIMIT} pieces; if it may, say a limit");
            return Err(Error::new(Code::Limit, text));
        }
        Ok(list)
    }
}

fn collect(found: impl Iterator<Item = Value>, limit: Option<u32>, cancelled: Cancelled<'_>) -> Result<List> {
    let limit = limit.unwrap_or(LIST_LIMIT) as usize;
    let mut list = Vec::new();
    for value in found {
        check(cancelled)?;
        if list.len() == limit {
            return Ok((list, true));
        }
        list.push(value);
    }
    Ok((list, false))
}
