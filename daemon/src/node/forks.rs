//! The daemon's end of the fork server, and its replacement when it dies.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::rc::Rc;

use async_channel::{Receiver, Sender, bounded};
use gshell_service::rt::{self, Io};
use gshell_small::Map;
use gshell_supervise::Ended;
use gshell_sys::fdpass;
use gshell_sys::process::{self, Spawn, Stdio};
use gshell_wire::{decode, encode};

use super::fork_server::{ForkEvent, ForkRequest, PACKET, ended};

/// A fork server that lives shorter than this is not replaced at once: something keeps it from working.
const SHORT_LIFE: std::time::Duration = std::time::Duration::from_millis(100);

/// A group process has ended.
#[derive(Debug)]
pub struct Exited {
    /// The process.
    pub pid: i32,
    /// How.
    pub ended: Ended,
}

type Waiting = Map<u32, Sender<Result<i32, String>>>;

/// The connection to the fork server.
pub struct Forks {
    socket: RefCell<Rc<Io<OwnedFd>>>,
    waiting: RefCell<Waiting>,
    last: Cell<u32>,
    exits: Sender<Exited>,
    replaced: Cell<u32>,
}

impl Forks {
    /// Uses the daemon's end of the socket; group exits come out of the channel.
    pub fn new(socket: OwnedFd) -> io::Result<(Rc<Forks>, Receiver<Exited>)> {
        // As many as there can be groups; the reader of the channel never waits for anything.
        let (exits, receiver) = bounded(gshell_control::limits::GROUPS_PER_NODE as usize);
        let forks = Rc::new(Forks {
            socket: RefCell::new(Rc::new(Io::new(socket)?)),
            waiting: RefCell::default(),
            last: Cell::new(0),
            exits,
            replaced: Cell::new(0),
        });
        rt::spawn(forks.clone().run()).detach();
        Ok((forks, receiver))
    }

    /// Has a group forked; its listening socket goes with it. Gives its process.
    pub async fn fork(&self, mut request: ForkRequest, listener: &UnixListener) -> Result<i32, String> {
        let number = self.last.get().wrapping_add(1);
        self.last.set(number);
        request.number = number;
        let mut bytes = Vec::new();
        encode(&request, &mut bytes).map_err(|error| error.to_string())?;
        let (send, receive) = bounded(1);
        self.waiting.borrow_mut().insert(number, send);
        let socket = self.socket.borrow().clone();
        let sent = socket
            .write_with(|fd| fdpass::send(fd.as_fd(), &bytes, &[listener.as_fd()]).map(drop))
            .await;
        if let Err(error) = sent {
            self.waiting.borrow_mut().remove(&number);
            return Err(format!("the fork server does not take requests: {error}"));
        }
        receive
            .recv()
            .await
            .unwrap_or_else(|_| Err("the fork server ended".to_owned()))
    }

    /// How often the fork server had to be replaced.
    pub fn replaced(&self) -> u32 {
        self.replaced.get()
    }

    async fn run(self: Rc<Self>) {
        loop {
            let socket = self.socket.borrow().clone();
            let began = std::time::Instant::now();
            self.read(&socket).await;
            if began.elapsed() < SHORT_LIFE {
                rt::sleep(SHORT_LIFE).await;
            }
            self.waiting.borrow_mut().clear();
            drop(socket);
            match replacement().and_then(Io::new) {
                Ok(socket) => {
                    self.replaced.set(self.replaced.get() + 1);
                    *self.socket.borrow_mut() = Rc::new(socket);
                }
                // Tried again, slowly: without processes or descriptors nothing else works either.
                Err(_) => rt::sleep(std::time::Duration::from_secs(1)).await,
            }
        }
    }

    /// Reads events until the fork server is gone.
    async fn read(&self, socket: &Io<OwnedFd>) {
        let mut buffer = vec![0; PACKET];
        loop {
            let read = socket.read_with(|fd| fdpass::recv(fd.as_fd(), &mut buffer)).await;
            let event = match read {
                Ok((0, _)) | Err(_) => return,
                Ok((n, _)) => decode::<ForkEvent>(&buffer[..n]),
            };
            match event {
                Ok(ForkEvent::Forked { number, pid }) => self.answer(number, Ok(pid)),
                Ok(ForkEvent::Failed { number, reason }) => self.answer(number, Err(reason)),
                Ok(ForkEvent::Exited {
                    pid,
                    code,
                    signal,
                    oom,
                }) => {
                    let _ = self
                        .exits
                        .send(Exited {
                            pid,
                            ended: ended(code, signal, oom),
                        })
                        .await;
                }
                Err(_) => return,
            }
        }
    }

    fn answer(&self, number: u32, answer: Result<i32, String>) {
        let waiting = self.waiting.borrow_mut().remove(&number);
        if let Some(waiting) = waiting {
            let _ = waiting.try_send(answer);
        }
    }
}

/// A fresh fork server. This process has an executor by now and must not fork itself, so the program is
/// started anew; groups that the old one forked are not touched.
fn replacement() -> io::Result<OwnedFd> {
    let (ours, theirs) = fdpass::pair()?;
    let mut spawn = Spawn::new("/proc/self/exe");
    spawn.args = vec!["__forkserver".into()];
    spawn.stdin = Stdio::Fd(theirs);
    process::spawn(spawn)?;
    Ok(ours)
}
