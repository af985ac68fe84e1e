//! One measurement: raw, gshell, raw again.

use std::fs;
use std::path::{Path, PathBuf};

use gshell_sys::sched;

use crate::figures::Figures;
use crate::options::{Caller, Direction, Options, Scope};
use crate::{lua, native, raw};

/// Bytes of what asks for a download or acknowledges an upload, about: so much the raw ping-pong sends there.
const SMALL: usize = 32;

/// What one measurement gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// The messages.
    pub gshell: Figures,
    /// Raw, right before and right after.
    pub raw: [Figures; 2],
}

impl Outcome {
    /// Transactions of the raw ping-pong per second: the mean of both.
    pub fn raw_tps(&self) -> f64 {
        (self.raw[0].tps + self.raw[1].tps) / 2.0
    }

    /// Half of the raw round trips took no longer, in microseconds: the mean of both.
    pub fn raw_p50(&self) -> f64 {
        (self.raw[0].p50_us + self.raw[1].p50_us) / 2.0
    }

    /// Messages as a multiple of raw.
    pub fn ratio(&self) -> f64 {
        self.gshell.tps / self.raw_tps()
    }
}

/// A folder for the sockets of this run, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("asbench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Measures as `options` say.
///
/// # Errors
/// A text that says what failed.
pub fn measure(options: &Options) -> Result<Outcome, String> {
    if options.pinned {
        // Children inherit it. The last CPU: interrupts prefer the first.
        let cpu = sched::affinity()
            .ok()
            .and_then(|cpus| cpus.last().copied())
            .unwrap_or(0);
        sched::set_affinity(&[cpu]).map_err(|error| format!("cannot stay on CPU {cpu}: {error}"))?;
    }
    let folder = Folder::new().map_err(|error| format!("cannot make a folder for sockets: {error}"))?;
    let before = yardstick(&folder.0, options)?;
    let sockets = options.node.as_deref().unwrap_or(&folder.0);
    let gshell = match (options.caller, options.scope) {
        (Caller::Lua, Scope::Process) => lua::in_process(options)?,
        (Caller::Lua, _) => lua::over_socket(sockets, options)?,
        (Caller::Blocking, _) => native::blocking(sockets, options)?,
        (Caller::Native, Scope::Process) => native::in_process(options)?,
        (Caller::Native, _) => native::over_socket(sockets, options)?,
    };
    let after = yardstick(&folder.0, options)?;
    Ok(Outcome {
        gshell,
        raw: [before, after],
    })
}

fn yardstick(folder: &Path, options: &Options) -> Result<Figures, String> {
    if options.calls.is_some() {
        return Ok(Figures::default());
    }
    let size = options.size as usize;
    let (request, reply) = match options.direction {
        Direction::Download => (SMALL, size.max(1)),
        Direction::Upload => (size.max(1), SMALL),
    };
    raw::measure(folder, request, reply, options.time).map_err(|error| format!("raw ping-pong: {error}"))
}
