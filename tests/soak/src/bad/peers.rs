//! Processes that are bad peers: they write what they like to a socket, by hand where a session would not let them.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use gshell_session::{Head, Session, Side};
use gshell_wire::{Bytes, Fault, Hello, Limits, Message, Role};

use crate::messages::{Down, Echo, Up};

/// Connections of a peer that has several.
const SEVERAL: usize = 32;
/// Streams of the peer that opens too many.
const STREAMS: u32 = 10_000;

/// What a peer may be.
pub const KINDS: [(&str, &str); 4] = [
    ("bytes", "32 connections that send one byte a second"),
    ("streams", "ten thousand streams on one connection"),
    ("deaf", "32 connections that ask for much and never read"),
    ("lies", "lying lengths, again and again"),
];

fn broken(error: std::io::Error) -> Fault {
    crate::failed("bad peer", error)
}

/// A connection by hand. The session has made its hello and heard one, and was told of no limits.
fn connect(path: &Path) -> Result<(UnixStream, Session), Fault> {
    let mut socket = UnixStream::connect(path).map_err(broken)?;
    let limits = Limits {
        streams: 2 * STREAMS,
        ..Limits::default()
    };
    let mut session = Session::new(Side::Client, limits, 0);
    socket.write_all(session.pending()).map_err(broken)?;
    session.written(session.pending().len());
    let hello = Hello::ours(Role::Server).encode();
    session.input(&hello, 0).map_err(|lie| lie.to_fault())?;
    Ok((socket, session))
}

fn call(n: u32) -> Head {
    Head {
        call: Some(n),
        ..Head::default()
    }
}

/// Each of them says one byte a second, some of a hello and some of a message.
fn bytes(path: &Path) -> Result<(), Fault> {
    loop {
        let mut sockets = Vec::new();
        for n in 0..SEVERAL {
            let mut text = Hello::ours(Role::Client).encode().to_vec();
            let mut socket = UnixStream::connect(path).map_err(broken)?;
            if n % 2 == 0 {
                // This one says hello properly, and is slow later.
                socket.write_all(&text).map_err(broken)?;
                text = vec![0, 0, 1, 0];
            }
            sockets.push((socket, text.into_iter()));
        }
        for _ in 0..Hello::LEN {
            for (socket, text) in &mut sockets {
                // Whoever is not listened to any more says nothing; all begin again later.
                let _ = text.next().map(|byte| socket.write(&[byte]));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn streams(path: &Path) -> Result<(), Fault> {
    let (mut socket, mut session) = connect(path)?;
    for _ in 0..STREAMS {
        let stream = session.open()?;
        session
            .send(stream, Head::default(), &Up {})
            .map_err(|error| crate::failed("send", error))?;
        if session.pending().len() > 60_000 {
            if socket.write_all(session.pending()).is_err() {
                break;
            }
            session.written(session.pending().len());
        }
    }
    // What it is told goes nowhere; it stays until it is closed.
    let _ = socket.write_all(session.pending());
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).map(drop).map_err(broken)?;
    loop {
        std::thread::park();
    }
}

fn deaf(path: &Path) -> Result<(), Fault> {
    let mut sockets = Vec::new();
    for _ in 0..SEVERAL {
        let (socket, mut session) = connect(path)?;
        socket.set_nonblocking(true).map_err(broken)?;
        for _ in 0..4 {
            let stream = session.open()?;
            let _ = session.send(stream, Head::default(), &Down {});
        }
        let mut n = 0;
        while session.credit(0) > 0 {
            n += 1;
            let data = Bytes::from(vec![0; 16 << 10]);
            let _ = session.send(0, call(n), &Echo { n, data });
        }
        sockets.push((socket, session));
    }
    loop {
        for (socket, session) in &mut sockets {
            match socket.write(session.pending()) {
                Ok(written) => session.written(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(broken(error)),
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn lies(path: &Path) -> Result<(), Fault> {
    loop {
        // A frame of four gigabytes. The peer is told and dropped.
        let (mut socket, mut session) = connect(path)?;
        let data = Bytes::from(vec![0; 100]);
        let _ = session.send(0, call(1), &Echo { n: 1, data });
        let mut frame = session.pending().to_vec();
        frame[..4].fill(0xff);
        let _ = socket.write_all(&frame);
        let mut told = Vec::new();
        let _ = socket.read_to_end(&mut told);
        // A message of 2^32 bytes, as it says, in a frame of a few. The request fails, the connection goes on.
        let (mut socket, mut session) = connect(path)?;
        let lying = [1, 0xff, 0xff, 0xff, 0xff, 0x0f];
        for n in 1..=3 {
            let _ = session.send_raw(0, Echo::KEY, call(n), &lying);
        }
        let _ = socket.write_all(session.pending());
        let mut some = [0; 4096];
        let _ = socket.read(&mut some);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Is a bad peer of this kind until it is killed.
pub fn peer(kind: &str, path: &Path) -> Result<(), Fault> {
    match kind {
        "bytes" => bytes(path),
        "streams" => streams(path),
        "deaf" => deaf(path),
        "lies" => lies(path),
        // For comparison.
        "nothing" => loop {
            std::thread::park();
        },
        _ => Err(crate::failed("no such peer", kind)),
    }
}
