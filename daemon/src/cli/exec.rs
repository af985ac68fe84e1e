//! `gshell exec`: a script in this process, with its own standard streams and no node.

use std::path::Path;
use std::rc::Rc;

use gshell_control::Job;
use gshell_script::{Environment, Input, Outcome as Ended, Package, Spec};
use gshell_service::rt::{self, Io};
use gshell_small::Map;
use gshell_sys::signal::SignalFd;
use gshell_wire::Code;
use nix::sys::signal::Signal;

use super::args::{Command, Matches, Opt};
use super::failure::{Failure, Outcome};
use super::link::Global;
use super::local::{self, Standard};
use super::missing;
use super::pack::{self, Packed};
use super::run::{WHAT, what};
use super::values;
use crate::exit_codes::Status;

/// What a shell adds to the number of the signal that ended a command.
const BY_SIGNAL: i32 = 128;

/// `gshell exec`.
pub const COMMAND: Command = Command {
    options: &[Opt::value(
        "mem",
        "SIZE",
        "Memory that the script may use, such as 64k, 16M or 1G [default: three quarters of the machine's]",
    )],
    positionals: WHAT,
    examples: &[
        "gshell exec hello.lua",
        "gshell exec --mem 16M examples/top.lua -n 1",
    ],
    ..Command::new(
        "exec",
        "Run a script or a folder with main.lua in this process, without a node; exits with its status",
        run,
    )
};

/// Runs it to its end.
fn run(global: &Global, matches: &Matches) -> Outcome {
    if let Some(node) = &global.provider {
        return Err(Failure::usage(format!(
            "exec runs in this process, not on node {node}"
        )));
    }
    let (path, words) = what(matches);
    let Packed { package, name } = pack::pack(path)?;
    if package.elf {
        let text = format!(
            "cannot run {}: exec runs scripts, and this is a program",
            path.display()
        );
        return Err(Failure::error(text));
    }
    Job::check_request(&name, &words)?;
    let memory = matches.parse("mem", values::size)?;
    local::use_plugins(global);
    let script = match package.app() {
        Some(plugin) => app_script(global, path, &package, plugin)?,
        None => to_script(package),
    };
    rt::block_on(execute(global, path, script, words, memory))
}

/// The app of a plugin.
fn app_script(
    global: &Global,
    path: &Path,
    package: &gshell_control::Package,
    plugin: &str,
) -> Result<Package, Failure> {
    let source = gshell_script::app(plugin).map_err(|fault| match fault.code() {
        Some(Code::NotFound) => {
            let folders = global.plugin_folders();
            let folders: Vec<_> = folders
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            let why = format!("no plugin '{plugin}' is built in or in {}", folders.join(", "));
            missing::neither(path, &why)
        }
        _ => Failure::fault(&format!("cannot run {}", path.display()), &fault),
    })?;
    Ok(Package {
        files: [(package.main.clone(), source.as_bytes().to_vec())].into(),
        main: package.main.clone(),
    })
}

fn to_script(package: gshell_control::Package) -> Package {
    let mut files = Map::new();
    for file in package.files {
        files.insert(file.path, file.data.into_vec());
    }
    Package {
        files,
        main: package.main,
    }
}

async fn execute(
    global: &Global,
    path: &Path,
    package: Package,
    words: Vec<String>,
    memory: Option<u64>,
) -> Outcome {
    let failed = |error| Failure::io("cannot receive signals", &error);
    // Before the first thread is made: all of them have to leave the signals to the descriptor.
    let signals = SignalFd::new(&[Signal::SIGINT as i32, Signal::SIGTERM as i32]).map_err(failed)?;
    let signals = Io::new(signals).map_err(failed)?;
    let output = Rc::new(Standard::default());
    let args = std::iter::once(path.display().to_string()).chain(words).collect();
    let mut spec: Spec = local::spec(package, output.clone(), Input::from_stdin(), args);
    spec.limits.memory = memory.unwrap_or(spec.limits.memory);
    spec.node = local::node(global);
    let environment = Environment::new(spec)
        .map_err(|error| Failure::error(format!("cannot run {}: {error}", path.display())))?;
    let end = environment.clone();
    output.on_lost(move || end.kill());
    let first = Rc::new(std::cell::Cell::new(None));
    let watch = rt::spawn(pass_signals(signals, environment.clone(), first.clone()));
    let ended = environment.run().await;
    drop(watch);
    Ok(match output.is_lost() {
        // As if SIGPIPE had ended it, which is what every other program does.
        true => Status::Script((BY_SIGNAL + Signal::SIGPIPE as i32) as u8),
        false => status(&ended, first.get()),
    })
}

/// The first signal asks the script to stop, the second one ends it.
async fn pass_signals(
    signals: Io<SignalFd>,
    environment: Rc<Environment>,
    first: Rc<std::cell::Cell<Option<i32>>>,
) {
    loop {
        let next = signals.read_with(|fd| fd.read()?.ok_or_else(|| std::io::ErrorKind::WouldBlock.into()));
        let Ok(signal) = next.await else { return };
        match first.get() {
            None => {
                first.set(Some(signal));
                environment.stop();
            }
            Some(_) => environment.kill(),
        }
    }
}

/// As for an attached environment; `signal` is the first one that this process got.
fn status(ended: &Ended, signal: Option<i32>) -> Status {
    let number = match ended {
        Ended::Ok => 0,
        Ended::Exit(code) => *code,
        Ended::Error { .. } => 1,
        Ended::Stopped | Ended::Killed => BY_SIGNAL + signal.unwrap_or(Signal::SIGKILL as i32),
        Ended::OutOfMemory { .. } => BY_SIGNAL + Signal::SIGKILL as i32,
    };
    Status::Script((number & 0xff) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let error = Ended::Error {
            message: String::new(),
            traceback: String::new(),
        };
        for (ended, signal, want) in [
            (Ended::Ok, Some(2), 0),
            (Ended::Exit(3), None, 3),
            (Ended::Exit(-1), None, 255),
            (error, None, 1),
            (Ended::Stopped, Some(2), 130),
            (Ended::Killed, Some(15), 143),
            (
                Ended::OutOfMemory {
                    message: String::new(),
                },
                None,
                137,
            ),
        ] {
            assert_eq!(status(&ended, signal), Status::Script(want), "{ended:?}");
        }
    }
}
