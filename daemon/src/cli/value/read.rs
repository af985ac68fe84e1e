//! JSON texts as they come on standard input.

use std::io::BufRead;

pub use gshell_plugin_host::json::parse;

/// Bytes of one value on standard input at most: what the longest message can take as text, and some.
const LONGEST: usize = 128 << 20;

/// The values of a text, one at a time as they come: one a line, and one that goes over several lines as a whole.
pub struct Chunks<R> {
    input: R,
}

impl<R: BufRead> Chunks<R> {
    /// Those of `input`.
    pub fn new(input: R) -> Self {
        Self { input }
    }

    /// The text of the next value; `None` at the end.
    pub fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let (mut chunk, mut scan) = (Vec::new(), Scan::default());
        loop {
            let start = chunk.len();
            if self.input.read_until(b'\n', &mut chunk)? == 0 {
                return Ok((!blank(&chunk)).then_some(chunk));
            }
            chunk[start..].iter().for_each(|byte| scan.take(*byte));
            if scan.is_done() && !blank(&chunk) {
                return Ok(Some(chunk));
            }
            if chunk.len() > LONGEST {
                let text = format!("a value of more than {LONGEST} bytes");
                return Err(std::io::Error::other(text));
            }
        }
    }
}

fn blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

/// Whether a value can be over at the end of a line: outside of all brackets and strings.
#[derive(Default)]
struct Scan {
    depth: i32,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    fn take(&mut self, byte: u8) {
        match byte {
            // A string never goes over the end of a line, so one that is open there is an error to be told now.
            b'\n' => (self.in_string, self.escaped) = (false, false),
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth -= 1,
            _ => {}
        }
    }

    fn is_done(&self) -> bool {
        self.depth <= 0
    }
}
