//! What one environment may use.

use std::time::Duration;

/// Limits of an environment; hitting one is an error in that script that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of Lua memory; 0 means without limit. For as long as a slice takes, a script may use an eighth more.
    pub memory: u64,
    /// How long a busy script runs before its neighbours get their turn.
    pub slice: Duration,
    /// Tasks of `gshell.spawn` and timers of `gshell.every` alive at once.
    pub coroutines: u32,
    /// Open files, sockets and processes.
    pub handles: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 64 << 20,
            slice: Duration::from_millis(10),
            coroutines: 4096,
            handles: 256,
        }
    }
}

impl Limits {
    /// What the error of a full memory says.
    pub(crate) fn memory_message(&self) -> String {
        format!("not enough memory: {}", self.memory_reached())
    }

    /// What is said of a script that could not even start.
    pub(crate) fn memory_to_start_message(&self) -> String {
        format!("not enough memory to start: {}", self.memory_reached())
    }

    fn memory_reached(&self) -> String {
        format!(
            "the limit of {} is reached (raise it with --mem)",
            size(self.memory)
        )
    }
}

/// Bytes that are never exceeded with the limit `memory`, not even within a slice; 0 means without limit.
pub(crate) fn most_memory(memory: u64) -> usize {
    let most = memory.saturating_add(memory / 8);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// A size in the largest binary unit that divides it.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (name, shift) in UNITS {
        if bytes >= 1 << shift && bytes.trailing_zeros() >= shift {
            return format!("{} {name}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}
