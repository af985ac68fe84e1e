//! Waiting in a blocking function: for a while, or until nobody waits for the result any more.

use std::time::{Duration, Instant};

use gshell_wire::Code;

use crate::{Call, Error, Result};

/// Longest step of a wait: so much later at most, it sees that it was given up.
const STEP: Duration = Duration::from_millis(100);

/// A wait that is done in steps, as only between two of them a function can be told to give up.
///
/// ```
/// # use std::sync::mpsc::Receiver;
/// # use gshell_plugin_sdk::{Call, Result, Wait};
/// fn next(call: &Call<'_>, numbers: &Receiver<u32>, seconds: Option<f64>) -> Result<Option<u32>> {
///     let mut wait = Wait::new(call, seconds)?;
///     while let Some(step) = wait.step()? {
///         if let Ok(number) = numbers.recv_timeout(step) {
///             return Ok(Some(number));
///         }
///     }
///     Ok(None)
/// }
/// ```
#[derive(Debug)]
pub struct Wait<'a, 'c> {
    call: &'a Call<'c>,
    end: Option<Instant>,
    first: bool,
}

impl<'a, 'c> Wait<'a, 'c> {
    /// A wait for so many seconds; without a number, or with infinity, without end.
    ///
    /// # Errors
    /// When the number is negative or none.
    pub fn new(call: &'a Call<'c>, seconds: Option<f64>) -> Result<Wait<'a, 'c>> {
        let end = match seconds {
            None => None,
            Some(seconds) if seconds >= 0.0 => {
                // What does not fit into a duration or a point in time is later than the machine lives.
                let long = Duration::try_from_secs_f64(seconds).ok();
                long.and_then(|long| Instant::now().checked_add(long))
            }
            Some(seconds) => {
                let text = format!("a wait takes a number of seconds from 0, not {seconds}");
                return Err(Error::new(Code::Invalid, text));
            }
        };
        Ok(Wait {
            call,
            end,
            first: true,
        })
    }

    /// How long to wait now before the next look, 0.1 s at most; none when time is up. The first one is never none: who
    /// has 0 seconds looks once.
    ///
    /// # Errors
    /// When nobody waits for the result any more.
    pub fn step(&mut self) -> Result<Option<Duration>> {
        if self.call.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "nobody waits any more"));
        }
        let first = std::mem::replace(&mut self.first, false);
        let Some(end) = self.end else {
            return Ok(Some(STEP));
        };
        let left = end.saturating_duration_since(Instant::now());
        Ok((first || !left.is_zero()).then(|| left.min(STEP)))
    }
}
