//! A program of its own (ELF) as a run: a child of the group in its own session, with pipes for streams.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_lite::future;
use gshell_control::{Exit, Job};
use gshell_service::Node;
use gshell_service::dirs::RUN_VARIABLE;
use gshell_service::rt::{self, Io};
use gshell_sys::limits::Resource;
use gshell_sys::process::{self, ExitStatus, Spawn, Stdio};
use gshell_sys::signal::{SIGKILL, SIGTERM};

use super::{Ended, Order, Runner, elf};
use crate::hub::Hub;

/// The kernel's "exec format error".
const ENOEXEC: i32 = 8;
/// Bytes read from a program at once.
const PIECE: usize = 16 << 10;

/// Tries while the program's file is busy, and the pause between them.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(2);

enum Input {
    Bytes(Vec<u8>, Sender<()>),
    End,
}

struct ProgramRunner {
    pid: i32,
    hub: Arc<Hub>,
    outputs: RefCell<Vec<(u8, Io<OwnedFd>)>>,
    input: Sender<Input>,
    told: Cell<bool>,
}

pub(super) fn prepare(order: Order) -> Result<Rc<dyn Runner>, Ended> {
    let Order {
        job,
        program,
        hub,
        node,
        memory,
        process,
        ..
    } = order;
    let fail = |error: std::io::Error| {
        let why = match error.raw_os_error() {
            Some(ENOEXEC) => "it is damaged, or for another kind of machine".to_owned(),
            _ => error.to_string(),
        };
        let text = format!("cannot start {}: {why}", job.name);
        hub.write(2, format!("{text}\n").as_bytes());
        hub.flush();
        Ended::failed(text)
    };
    elf::check(&program).map_err(fail)?;
    let started = start(&program, &job, &node, memory).map_err(fail)?;
    process(started.pid);
    let (send, receive) = async_channel::bounded(1);
    let outputs = vec![
        (1, Io::new(started.stdout).map_err(fail)?),
        (2, Io::new(started.stderr).map_err(fail)?),
    ];
    let stdin = Io::new(started.stdin).map_err(fail)?;
    rt::spawn(feed(stdin, receive)).detach();
    if !job.interactive {
        let _ = send.try_send(Input::End);
    }
    Ok(Rc::new(ProgramRunner {
        pid: started.pid,
        hub,
        outputs: RefCell::new(outputs),
        input: send,
        told: Cell::new(false),
    }))
}

/// A program and this side of its streams.
struct Started {
    pid: i32,
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// Starts the program. Its file was written a moment ago, and any child that was forked in that moment holds it open for
/// writing until it executes something itself: then the kernel says "text file busy", and a little later it does not.
fn start(program: &Path, job: &Job, node: &Node, memory: u64) -> std::io::Result<Started> {
    for _ in 0..BUSY_TRIES {
        match start_once(program, job, node, memory) {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::sleep(BUSY_PAUSE),
            other => return other,
        }
    }
    start_once(program, job, node, memory)
}

fn start_once(program: &Path, job: &Job, node: &Node, memory: u64) -> std::io::Result<Started> {
    let (stdin_read, stdin) = pipe()?;
    let (stdout, out_write) = pipe()?;
    let (stderr, err_write) = pipe()?;
    let mut spawn = Spawn::new(program.as_os_str());
    // Not that of the stored file, which is a hash: programs look at their name, and show it.
    spawn.name = Some(job.main.clone().into());
    spawn.exact = true;
    spawn.args = job.args.iter().map(Into::into).collect();
    spawn.stdin = Stdio::Fd(stdin_read);
    spawn.stdout = Stdio::Fd(out_write);
    spawn.stderr = Stdio::Fd(err_write);
    spawn.session = true;
    // What it publishes and calls is its own node's, also when that was chosen by an option.
    spawn.env = Some(vec![(RUN_VARIABLE.into(), node.run_dir.clone().into())]);
    spawn.death_signal = Some(SIGKILL);
    if memory > 0 {
        spawn.limits = vec![(Resource::AddressSpace, memory)];
    }
    let pid = process::spawn(spawn)?.pid;
    Ok(Started {
        pid,
        stdin,
        stdout,
        stderr,
    })
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = std::io::pipe()?;
    Ok((read.into(), write.into()))
}

/// Hands input to the program; one that does not read keeps it waiting, and nobody else.
async fn feed(stdin: Io<OwnedFd>, input: Receiver<Input>) {
    while let Ok(Input::Bytes(bytes, taken)) = input.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            // The program has closed its input: the rest goes nowhere, as in a pipe.
            input.close();
        }
        let _ = taken.send(()).await;
    }
}

/// Takes the program's output until its end. Once the program is gone (`gone` closes) a slow client is not waited for:
/// what is left is in the pipe, and belongs into the log at least.
async fn copy(stream: u8, from: Io<OwnedFd>, hub: Arc<Hub>, gone: Receiver<()>) {
    let mut buffer = vec![0; PIECE];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => {
                hub.write(stream, &buffer[..n]);
                hub.flush();
                if hub.congested() {
                    let gone = async {
                        let _ = gone.recv().await;
                    };
                    future::or(hub.drained(), gone).await;
                }
            }
        }
    }
}

impl Runner for ProgramRunner {
    fn run(&self) -> Pin<Box<dyn Future<Output = Ended>>> {
        let pid = self.pid;
        let (here, gone) = async_channel::bounded(1);
        let copies: Vec<_> = self
            .outputs
            .take()
            .into_iter()
            .map(|(stream, io)| rt::spawn(copy(stream, io, self.hub.clone(), gone.clone())))
            .collect();
        Box::pin(async move {
            let status = rt::child_exit(pid).await;
            // What it left running in its session goes with it; then its pipes end.
            let _ = process::kill_group(pid, SIGKILL);
            drop(here);
            for task in copies {
                rt::timeout(Duration::from_millis(200), task).await;
            }
            match status {
                Ok(status) => ended(status),
                Err(error) => Ended::failed(format!("cannot wait for process {pid}: {error}")),
            }
        })
    }

    fn stop(&self) {
        let _ = process::kill_group(self.pid, SIGTERM);
    }

    fn kill(&self) {
        let _ = process::kill_group(self.pid, SIGKILL);
    }

    fn interrupt(&self, signal: i32) {
        if self.told.replace(true) {
            self.kill();
        } else {
            let _ = process::kill_group(self.pid, signal);
        }
    }

    fn input(&self, bytes: Vec<u8>, taken: Sender<()>) {
        let input = self.input.clone();
        rt::spawn(async move {
            if let Err(unsent) = input.send(Input::Bytes(bytes, taken)).await
                && let Input::Bytes(_, taken) = unsent.0
            {
                let _ = taken.send(()).await;
            }
        })
        .detach();
    }

    fn input_end(&self) {
        let input = self.input.clone();
        rt::spawn(async move {
            let _ = input.send(Input::End).await;
        })
        .detach();
    }

    fn resized(&self) {}
}

fn ended(status: ExitStatus) -> Ended {
    match status {
        ExitStatus::Code(0) => Ended {
            exit: Some(Exit::Ok),
            code: Some(0),
            ..Ended::default()
        },
        ExitStatus::Code(code) => Ended {
            exit: Some(Exit::Error),
            code: Some(code),
            error: Some(status.to_string()),
            ..Ended::default()
        },
        ExitStatus::Signal { signal, .. } => Ended {
            exit: Some(Exit::Signal),
            signal: Some(process::to_generic(signal)),
            error: Some(status.to_string()),
            ..Ended::default()
        },
    }
}
