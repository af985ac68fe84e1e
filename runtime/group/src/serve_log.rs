//! A log as a stream: what there is, and what follows.
//!
//! The same for the daemon, which serves the logs of what does not run, and for groups. A follower waits for
//! the kernel to say that the log was written; it never makes the writer wait, and is told what it missed.

use std::path::PathBuf;
use std::time::Duration;

use gshell_control::limits::CHUNK_BYTES;
use gshell_control::messages::log::{Chunk, End, LogQuery, Lost};
use gshell_service::Stream;
use gshell_service::rt::{self, Io};
use gshell_sys::watch::FolderWatch;
use gshell_wire::{Bytes, Code, Fault};

use crate::logs::Follower;

/// Longest wait for the next write: only bounds how late the end of an environment that says nothing more is
/// noticed.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A log, by folder and name.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name in the folder.
    pub name: String,
}

impl Source {
    fn broken(&self, error: &std::io::Error) -> Fault {
        Fault::new(Code::Storage, format!("cannot read the log of {}", self.name))
            .with_cause(error.to_string())
    }
}

/// Sends a log; with `follow` until `alive` says that nobody writes it any more.
pub async fn serve(
    source: &Source,
    request: &LogQuery,
    stream: &Stream,
    alive: impl Fn() -> bool,
) -> Result<(), Fault> {
    // Before the first read, so that no write falls between.
    let watch = if request.follow {
        folder_watch(source)
    } else {
        None
    };
    let opened = Follower::open(&source.folder, &source.name, request.lines);
    let (follower, bytes) = opened.map_err(|error| source.broken(&error))?;
    send(stream, &bytes).await?;
    if request.follow {
        follow(source, follower, stream, watch, alive).await?;
    }
    stream.send(End {}).await
}

async fn follow(
    source: &Source,
    mut follower: Follower,
    stream: &Stream,
    watch: Option<Io<FolderWatch>>,
    alive: impl Fn() -> bool,
) -> Result<(), Fault> {
    loop {
        // Asked before reading: what was written until then is still read.
        let last = !alive();
        let piece = follower.poll().map_err(|error| source.broken(&error))?;
        if piece.lost > 0 {
            stream.send(Lost { bytes: piece.lost }).await?;
        }
        send(stream, &piece.bytes).await?;
        match (piece.bytes.is_empty(), last) {
            (true, true) => return Ok(()),
            (true, false) => wait(watch.as_ref()).await,
            (false, _) => {}
        }
    }
}

fn folder_watch(source: &Source) -> Option<Io<FolderWatch>> {
    FolderWatch::new(&source.folder).and_then(Io::new).ok()
}

async fn wait(watch: Option<&Io<FolderWatch>>) {
    match watch {
        Some(watch) => {
            rt::timeout(LOOK_AGAIN, watch.read_with(FolderWatch::drain)).await;
        }
        // A kernel without inotify, or no instances left.
        None => rt::sleep(LOOK_AGAIN).await,
    }
}

async fn send(stream: &Stream, bytes: &[u8]) -> Result<(), Fault> {
    for chunk in bytes.chunks(CHUNK_BYTES as usize) {
        stream
            .send(Chunk {
                bytes: Bytes::from(chunk.to_vec()),
            })
            .await?;
    }
    Ok(())
}
