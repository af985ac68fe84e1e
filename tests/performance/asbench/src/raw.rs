//! The yardstick: two processes, one unix socket, blocking reads and writes, no framing. Whatever gshell does on top of
//! that shows in the ratio.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::figures::{Figures, Meter};
use crate::other::Other;

/// How long each of the two raw measurements of a run lasts at most.
const LONGEST: Duration = Duration::from_secs(1);

/// The other end: answers each request of `request` bytes with `reply` bytes, until the peer is gone.
///
/// # Errors
/// What the sockets say.
pub fn serve(path: &Path, request: usize, reply: usize) -> io::Result<()> {
    let listener = UnixListener::bind(path)?;
    crate::other::say_ready("raw");
    let (mut socket, _) = listener.accept()?;
    let (mut question, answer) = (vec![0; request], vec![9; reply]);
    while socket.read_exact(&mut question).is_ok() {
        socket.write_all(&answer)?;
    }
    Ok(())
}

/// Measures for `time`, but not for longer than makes sense.
///
/// # Errors
/// What the sockets or the start of the other process say.
pub fn measure(folder: &Path, request: usize, reply: usize, time: Duration) -> io::Result<Figures> {
    let path = folder.join("raw.sock");
    let _ = std::fs::remove_file(&path);
    let words = [path.display().to_string(), request.to_string(), reply.to_string()];
    let _other = Other::start("raw", &words)?;
    let mut socket = UnixStream::connect(&path)?;
    let (question, mut answer) = (vec![1; request], vec![0; reply]);
    let mut call = || -> io::Result<()> {
        socket.write_all(&question)?;
        socket.read_exact(&mut answer)
    };
    for _ in 0..100 {
        call()?;
    }
    let end = Instant::now() + time.min(LONGEST);
    let mut meter = Meter::begin();
    let mut at = Instant::now();
    while at < end {
        call()?;
        at = meter.note(at);
    }
    Ok(meter.figures())
}
