//! The plugin `echo`: gives back what it gets. It has one of everything that a plugin can have, also of what goes wrong.

pub mod messages;

/// Longest wait of a call, in milliseconds.
const WAIT_MAX: u32 = 60_000;

#[gshell_plugin_sdk::plugin(
    name = "echo",
    lua = include_str!("../lua/echo.lua"),
    app = include_str!("../lua/app.lua")
)]
mod plugin {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::thread;
    use std::time::{Duration, Instant};

    use gshell_plugin_sdk::{Call, Caller, Code, Error, Fields, Result, Stream, Value};

    use super::WAIT_MAX;
    use crate::messages::{Count, Counted, Note, Open, Reply, Request, Slow};

    /// Longest wait of `sleep`, in milliseconds.
    #[constant]
    pub const LONGEST: u32 = WAIT_MAX;
    /// What every echo is signed with.
    #[constant]
    pub const SIGNATURE: &str = "yours echo plugin";

    /// The same bytes.
    #[function]
    fn echo(bytes: &[u8]) -> &[u8] {
        bytes
    }

    /// The same value, whatever it is made of.
    #[function]
    fn mirror(value: Value) -> Value {
        value
    }

    /// The sum of two integers.
    #[function]
    fn add(a: i64, b: i64) -> Result<i64> {
        let overflow = || Error::new(Code::Limit, format!("{a} + {b} has more than 64 bits"));
        a.checked_add(b).ok_or_else(overflow)
    }

    /// The sum of all numbers.
    #[function]
    fn sum(numbers: Vec<f64>) -> f64 {
        numbers.iter().sum()
    }

    /// All texts one after the other.
    #[function]
    fn concat(texts: Vec<&str>, between: Option<&str>) -> String {
        texts.join(between.unwrap_or_default())
    }

    /// Bytes of a string.
    #[function]
    fn length(bytes: &[u8]) -> u32 {
        u32::try_from(bytes.len()).unwrap_or(u32::MAX)
    }

    /// What is known about a text.
    #[derive(Fields)]
    pub struct Facts {
        bytes: u32,
        characters: u32,
        lines: Vec<String>,
        letters: BTreeMap<String, u32>,
    }

    /// Facts about a text: its size, its lines, and how often it has each character.
    #[function]
    fn facts(text: &str) -> Facts {
        let mut letters = BTreeMap::new();
        for letter in text.chars() {
            *letters.entry(letter.to_string()).or_default() += 1;
        }
        Facts {
            bytes: text.len() as u32,
            characters: text.chars().count() as u32,
            lines: text.lines().map(str::to_owned).collect(),
            letters,
        }
    }

    /// Quotient and remainder.
    #[function]
    fn divide(a: i64, b: i64) -> Result<(i64, i64)> {
        match (a.checked_div_euclid(b), a.checked_rem_euclid(b)) {
            (Some(quotient), Some(remainder)) => Ok((quotient, remainder)),
            _ => Err(Error::new(Code::Invalid, format!("{a} cannot be divided by {b}"))),
        }
    }

    /// Waits so many milliseconds, and gives how many it were. It ends early when nobody waits for it.
    #[function(blocking)]
    fn sleep(call: &Call<'_>, milliseconds: u32) -> Result<u32> {
        wait(milliseconds, || call.is_cancelled())
    }

    /// An error of this text and code, that of an argument without one.
    #[function]
    fn fail(text: String, code: Option<u16>) -> Result<()> {
        let code = code.map_or(Some(Code::Invalid), Code::from_u16);
        let code = code.ok_or_else(|| Error::new(Code::Invalid, "no error has this code"))?;
        Err(Error::new(code, text))
    }

    /// Panics with this text, which makes it an error.
    #[function]
    #[allow(clippy::panic)] // that is what it is for
    fn panic(text: &str) {
        panic!("{text}");
    }

    /// Ends the process of the group: what a bad plugin does.
    #[function]
    fn abort() {
        std::process::abort();
    }

    /// Computes and never returns: what another bad plugin does.
    #[function]
    fn hang() {
        loop {
            std::hint::spin_loop();
        }
    }

    /// Counts.
    #[derive(Debug)]
    pub struct Counter {
        value: i64,
        step: i64,
    }

    /// A counter that begins at 0 and goes by `step`, or 1.
    #[function]
    fn counter(step: Option<i64>) -> Counter {
        Counter {
            value: 0,
            step: step.unwrap_or(1),
        }
    }

    #[object]
    impl Counter {
        /// One step further; gives the new value.
        #[method]
        fn next(&mut self) -> i64 {
            self.value = self.value.wrapping_add(self.step);
            self.value
        }

        /// The value.
        #[method]
        fn value(&self) -> i64 {
            self.value
        }

        /// Adds the value of another one.
        #[method]
        fn take(&mut self, other: &Counter) -> i64 {
            self.value = self.value.wrapping_add(other.value);
            self.value
        }

        /// Steps so many times with a millisecond between two of them.
        #[method(blocking)]
        fn walk(&mut self, steps: u16) -> i64 {
            for _ in 0..steps {
                thread::sleep(Duration::from_millis(1));
                self.next();
            }
            self.value
        }
    }

    /// What the handlers share.
    #[derive(Debug, Default)]
    pub struct Echo {
        requests: AtomicU32,
    }

    /// Gives back what it gets.
    #[service(publisher = "example", name = "echo-plugin")]
    impl Echo {
        #[handler]
        fn echo(&self, request: Request) -> Reply {
            self.requests.fetch_add(1, Relaxed);
            reply(request)
        }

        #[handler(blocking)]
        fn slow(&self, request: Slow, caller: &Caller<'_>) -> Result<Reply> {
            self.requests.fetch_add(1, Relaxed);
            let waited = wait(request.wait, || caller.is_cancelled())?;
            let num = i32::try_from(waited).unwrap_or(i32::MAX);
            Ok(reply(Request {
                msg: request.msg,
                num,
            }))
        }

        #[handler]
        fn note(&self, _note: Note) {
            self.requests.fetch_add(1, Relaxed);
        }

        #[handler]
        fn count(&self, _count: Count) -> Counted {
            let requests = self.requests.load(Relaxed);
            Counted { requests }
        }

        #[handler(stream, sends(Reply), receives(Request))]
        fn open(&self, _open: Open, stream: &mut Stream<'_>) -> Result<()> {
            while let Some(request) = stream.receive::<Request>(None)? {
                self.requests.fetch_add(1, Relaxed);
                stream.send(&reply(request))?;
            }
            Ok(())
        }
    }

    fn reply(request: Request) -> Reply {
        Reply {
            msg: format!("{}!", request.msg),
            num: request.num.wrapping_add(1),
            signature: SIGNATURE.to_owned(),
        }
    }

    /// Waits in steps, as only between two of them it can be told to give up.
    fn wait(milliseconds: u32, given_up: impl Fn() -> bool) -> Result<u32> {
        if milliseconds > WAIT_MAX {
            let text = format!("it waits {WAIT_MAX} ms at most, not {milliseconds}");
            return Err(Error::new(Code::Limit, text));
        }
        let end = Instant::now() + Duration::from_millis(milliseconds.into());
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(milliseconds);
            }
            if given_up() {
                return Err(Error::new(Code::Cancelled, "nobody waits any more"));
            }
            thread::sleep(left.min(Duration::from_millis(10)));
        }
    }
}
