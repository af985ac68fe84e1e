//! The daemon's own log: bounded, in the runtime dir, and on standard error when a terminal or a service
//! manager reads that.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::SystemTime;

use gshell_control::LogLevel;
use gshell_control::limits::LOG_RING;
use gshell_group::logs::Log;

/// Name of the daemon's log.
pub const NAME: &str = "daemon";

/// Where the daemon says what it does.
pub struct NodeLog {
    level: LogLevel,
    file: RefCell<Option<Log>>,
    aloud: bool,
}

impl NodeLog {
    /// Logs into `run_dir`; without a file only aloud.
    pub fn open(run_dir: &Path, level: LogLevel) -> NodeLog {
        let aloud = std::io::stderr().is_terminal() || std::env::var_os("JOURNAL_STREAM").is_some();
        NodeLog {
            level,
            file: RefCell::new(Log::open(&run_dir.join("log"), NAME, LOG_RING).ok()),
            aloud,
        }
    }

    /// Whether the log also goes to standard error.
    pub fn is_aloud(&self) -> bool {
        self.aloud
    }

    /// Something is not as it should be.
    pub fn warn(&self, text: &str) {
        self.say(LogLevel::Warn, "WARN", text);
    }

    /// Something changed.
    pub fn info(&self, text: &str) {
        self.say(LogLevel::Info, "INFO", text);
    }

    /// What happens inside.
    pub fn debug(&self, text: &str) {
        self.say(LogLevel::Debug, "DEBUG", text);
    }

    fn say(&self, level: LogLevel, word: &str, text: &str) {
        if level > self.level {
            return;
        }
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let line = format!("[{time}][daemon][{word}] {text}\n");
        if let Some(file) = &mut *self.file.borrow_mut() {
            file.append(line.as_bytes());
        }
        if self.aloud {
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
