//! The plugin `regex`: regular expressions whose time grows with expression and text only, by the crate regex-lite.
//!
//! Each function is there twice: as a method of a compiled expression, for short texts, and as a blocking function with
//! the suffix `_far`, for long ones. The Lua face takes one or the other. The blocking ones take the expression, not the
//! object, which others use meanwhile.

mod compiled;
mod search;

#[gshell_plugin_sdk::plugin(name = "regex", lua = include_str!("../lua/regex.lua"))]
mod plugin {
    use std::sync::Arc;

    use gshell_plugin_sdk::{Call, Result, Value};

    use crate::compiled::{self, Compiled, Options};
    use crate::search::{self, List, Place, Search};

    /// Bytes of a compiled expression at most when nothing else is said: 256 KiB.
    #[constant]
    pub const SIZE_LIMIT: u32 = compiled::SIZE_LIMIT;
    /// Items of a list of matches at most when nothing else is said.
    #[constant]
    pub const LIST_LIMIT: u32 = search::LIST_LIMIT;
    /// Bytes that a replacement makes at most: 16 MiB.
    #[constant]
    pub const RESULT_LIMIT: u32 = search::RESULT_LIMIT;

    /// A text with this many bytes is a long one.
    #[constant]
    pub const FAR: u32 = 16 << 10;

    /// A compiled expression.
    #[derive(Debug)]
    pub struct Regex(Arc<Compiled>);

    /// A compiled expression; the last ones of the process are not compiled again.
    #[function]
    fn new(pattern: &[u8], options: Option<Options>) -> Result<Regex> {
        compiled::get(pattern, options).map(Regex)
    }

    /// A text so that an expression matches exactly it.
    #[function]
    fn escape(text: &str) -> String {
        regex_lite::escape(text)
    }

    /// For texts that are short.
    fn never() -> bool {
        false
    }

    #[object]
    impl Regex {
        /// The expression.
        #[method]
        fn pattern(&self) -> Vec<u8> {
            self.0.pattern.clone()
        }

        /// The names of groups, in order; "" of those that have none.
        #[method]
        fn names(&self) -> Vec<String> {
            let names = self.0.regex.capture_names().skip(1);
            names.map(|name| name.unwrap_or_default().to_owned()).collect()
        }

        /// Whether there is a match.
        #[method]
        fn is_match(&self, text: &[u8], first: Option<i64>) -> Result<bool> {
            Search::new(&self.0, text)?.is_match(first)
        }

        /// First and last position of the first match, and the match.
        #[method]
        fn find(&self, text: &[u8], first: Option<i64>) -> Result<Place> {
            Search::new(&self.0, text)?.find(first)
        }

        /// The groups of the first match.
        #[method]
        fn captures(&self, text: &[u8], first: Option<i64>) -> Result<Option<Value>> {
            Search::new(&self.0, text)?.captures(first)
        }

        /// All matches, and whether there are more than the limit.
        #[method]
        fn find_all(&self, text: &[u8], limit: Option<u32>) -> Result<List> {
            Search::new(&self.0, text)?.find_all(limit, &never)
        }

        /// The groups of all matches, and whether there are more than the limit.
        #[method]
        fn captures_all(&self, text: &[u8], limit: Option<u32>) -> Result<List> {
            Search::new(&self.0, text)?.captures_all(limit, &never)
        }

        /// The text with matches replaced, and how many.
        #[method]
        fn replace(&self, text: &[u8], template: &[u8], limit: Option<u32>) -> Result<(Vec<u8>, u32)> {
            Search::new(&self.0, text)?.replace(template, limit, &never)
        }

        /// What is between matches.
        #[method]
        fn split(&self, text: &[u8], limit: Option<u32>) -> Result<Vec<Value>> {
            Search::new(&self.0, text)?.split(limit, &never)
        }
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn is_match_far(
        pattern: &[u8],
        options: Option<Options>,
        text: &[u8],
        first: Option<i64>,
    ) -> Result<bool> {
        Search::new(&*compiled::get(pattern, options)?, text)?.is_match(first)
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn find_far(pattern: &[u8], options: Option<Options>, text: &[u8], first: Option<i64>) -> Result<Place> {
        Search::new(&*compiled::get(pattern, options)?, text)?.find(first)
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn captures_far(
        pattern: &[u8],
        options: Option<Options>,
        text: &[u8],
        first: Option<i64>,
    ) -> Result<Option<Value>> {
        Search::new(&*compiled::get(pattern, options)?, text)?.captures(first)
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn find_all_far(
        call: &Call<'_>,
        pattern: &[u8],
        options: Option<Options>,
        text: &[u8],
        limit: Option<u32>,
    ) -> Result<List> {
        let compiled = compiled::get(pattern, options)?;
        Search::new(&compiled, text)?.find_all(limit, &|| call.is_cancelled())
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn captures_all_far(
        call: &Call<'_>,
        pattern: &[u8],
        options: Option<Options>,
        text: &[u8],
        limit: Option<u32>,
    ) -> Result<List> {
        let compiled = compiled::get(pattern, options)?;
        Search::new(&compiled, text)?.captures_all(limit, &|| call.is_cancelled())
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn replace_far(
        call: &Call<'_>,
        pattern: &[u8],
        options: Option<Options>,
        text: &[u8],
        template: &[u8],
        limit: Option<u32>,
    ) -> Result<(Vec<u8>, u32)> {
        let compiled = compiled::get(pattern, options)?;
        Search::new(&compiled, text)?.replace(template, limit, &|| call.is_cancelled())
    }

    /// As the method, for a long text.
    #[function(blocking)]
    fn split_far(
        call: &Call<'_>,
        pattern: &[u8],
        options: Option<Options>,
        text: &[u8],
        limit: Option<u32>,
    ) -> Result<Vec<Value>> {
        let compiled = compiled::get(pattern, options)?;
        Search::new(&compiled, text)?.split(limit, &|| call.is_cancelled())
    }
}
