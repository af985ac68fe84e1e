//! Reads a descriptor piece by piece: each is looked for in the plugin's segments before it is touched.

use gshell_plugin_abi as abi;

use super::bounds;
use super::segments::Segments;

/// Types that any bytes are a value of.
///
/// # Safety
/// Every pattern of bits is a valid value.
pub unsafe trait Plain: 'static {}

// SAFETY: numbers only.
unsafe impl Plain for super::Head {}
// SAFETY: numbers, pointers, and functions that may be missing; a function that is there is never called before its address was
// looked at.
unsafe impl Plain for abi::Plugin {}
// SAFETY: as above.
unsafe impl Plain for abi::Function {}
// SAFETY: as above.
unsafe impl Plain for abi::Constant {}
// SAFETY: as above.
unsafe impl Plain for abi::Class {}
// SAFETY: as above.
unsafe impl Plain for abi::Message {}
// SAFETY: as above.
unsafe impl Plain for abi::Handler {}
// SAFETY: as above.
unsafe impl Plain for abi::Service {}
// SAFETY: a pointer that is not followed.
unsafe impl<T: 'static> Plain for *const T {}
// SAFETY: a byte.
unsafe impl Plain for u8 {}

/// Reads in these segments.
pub struct Reader<'a> {
    /// Those of the plugin: they stay mapped for the rest of the process.
    pub segments: &'a Segments,
}

impl Reader<'_> {
    /// One value.
    pub fn one<T: Plain>(&self, what: &str, at: *const T) -> Result<&'static T, String> {
        self.many(what, at, 1, 1)?
            .first()
            .ok_or_else(|| format!("{what} is missing"))
    }

    /// A value that says how many bytes it has: at least those that are known, and all of them have to be there.
    pub fn sized<T: Plain>(&self, what: &str, at: *const T, size: u32) -> Result<&'static T, String> {
        let known = size_of::<T>() as u32;
        if size < known || size > bounds::STRUCT {
            return Err(format!(
                "{what} says that it has {size} bytes, {known} are needed"
            ));
        }
        if !self.segments.holds(at.addr(), size.into()) {
            return Err(outside(what));
        }
        self.one(what, at)
    }

    /// So many values.
    pub fn many<T: Plain>(
        &self,
        what: &str,
        first: *const T,
        count: u32,
        most: u32,
    ) -> Result<&'static [T], String> {
        if count == 0 {
            return Ok(&[]);
        }
        if count > most {
            return Err(format!(
                "{what}: {count} are more than the {most} that there can be"
            ));
        }
        if !first.is_aligned() {
            return Err(format!("{what} lies at an address that is not aligned"));
        }
        let bytes = u64::from(count) * size_of::<T>() as u64;
        if !self.segments.holds(first.addr(), bytes) {
            return Err(outside(what));
        }
        // SAFETY: so many bytes lie in a readable segment, which stays; the address is aligned; any bytes are values; and they
        // are constant by the header's rules.
        Ok(unsafe { std::slice::from_raw_parts(first, count as usize) })
    }

    /// A text of so many bytes at most.
    pub fn text(&self, what: &str, text: abi::Bytes, most: u32) -> Result<&'static str, String> {
        let bytes = self.bytes(what, text, most)?;
        std::str::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))
    }

    /// Bytes.
    pub fn bytes(&self, what: &str, bytes: abi::Bytes, most: u32) -> Result<&'static [u8], String> {
        if bytes.len > most {
            return Err(format!("{what} has {} bytes, {most} are the most", bytes.len));
        }
        self.many(what, bytes.ptr, bytes.len, most)
    }

    /// A line for people.
    pub fn line(&self, what: &str, text: abi::Bytes) -> Result<&'static str, String> {
        let line = self.text(what, text, bounds::LINE)?;
        match line.contains(char::is_control) {
            true => Err(format!("{what} is not one line of text")),
            false => Ok(line),
        }
    }

    /// A name that scripts can write after a dot.
    pub fn word(&self, what: &str, text: abi::Bytes) -> Result<&'static str, String> {
        let word = self.text(&format!("the name of {what}"), text, bounds::WORD)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if word.is_empty() || !word.chars().all(fits) || word.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("{word:?} is no name for {what}"));
        }
        Ok(word)
    }

    /// The address of a function, which has to be there.
    pub fn code(&self, what: &str, address: Option<usize>) -> Result<(), String> {
        match address {
            None => Err(format!("{what} has no code")),
            Some(address) if self.segments.executes(address) => Ok(()),
            Some(_) => Err(format!("the code of {what} lies outside of the plugin's code")),
        }
    }
}

fn outside(what: &str) -> String {
    format!("{what} lies outside of the plugin")
}
