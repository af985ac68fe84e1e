//! Scripts in this very process: `exec`, the check before `run`, the known answers of `selftest`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::Rc;

use gshell_group::store::{quarantine_path, read_quarantine};
use gshell_plugin_host::Setup;
use gshell_script::{Environment, Input, Limits, Outcome, Output, Package, Spec, Stream, folders};
use gshell_service::{Node, rt};
use gshell_small::Map;
use gshell_sys::{crash, memory, random, term};

use super::link::Global;
use crate::builtin;

/// Group that a script in this process is in, as far as it can ask.
const GROUP: &str = "local";

/// Output is gathered up to this many bytes before it is written.
const GATHER: usize = 8 * 1024;

/// Scripts of this process get the plugins that those of the node's groups get; what is left out there is left out here. One
/// that crashes is named.
pub fn use_plugins(global: &Global) {
    // Where that cannot be, it still ends by the signal.
    let _ = crash::watch_aloud();
    let quarantine = quarantine_path(&global.dirs.run, Some(&global.dirs.state));
    let refused = gshell_plugin_host::set_up(Setup {
        folders: global.plugin_folders(),
        built_in: builtin::list(),
        quarantine: Some(Box::new(move || read_quarantine(&quarantine))),
    });
    for refused in refused {
        let _ = writeln!(io::stderr(), "gshell: {refused}");
    }
}

/// The node whose services scripts of this process publish and find, if its folder was chosen. A default folder is checked when it
/// is used first.
pub fn node(global: &Global) -> Option<Node> {
    global.dirs.run_chosen.then(|| Node::of(&global.dirs))
}

/// Checks that a script compiles. The error begins with file and line.
pub fn check(name: &str, data: &[u8]) -> Result<(), String> {
    let spec = spec(single(name, data), Rc::new(Nowhere), Input::empty(), Vec::new());
    Environment::new(spec)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Runs a short text to its end, without input, and says how it failed.
pub fn evaluate(name: &str, text: &str) -> Result<(), String> {
    let spec = spec(
        single(name, text.as_bytes()),
        Rc::new(Nowhere),
        Input::empty(),
        Vec::new(),
    );
    rt::block_on(async {
        let environment = Environment::new(spec).map_err(|error| error.to_string())?;
        match environment.run().await {
            Outcome::Ok | Outcome::Exit(0) => Ok(()),
            Outcome::Error { message, .. } | Outcome::OutOfMemory { message } => Err(message),
            other => Err(format!("it ended with {other:?}")),
        }
    })
}

fn single(name: &str, data: &[u8]) -> Package {
    let mut files = Map::new();
    files.insert(name.to_owned(), data.to_vec());
    Package {
        files,
        main: name.to_owned(),
    }
}

/// What an environment of this process is made from. `args` starts with the path as typed.
pub fn spec(package: Package, output: Rc<dyn Output>, input: Input, args: Vec<String>) -> Spec {
    let mut bytes = [0; 6];
    // The ID is for scripts that show it; without random numbers it is just not unique.
    let _ = random::fill(&mut bytes);
    Spec {
        id: gshell_control::names::env_id(bytes),
        group: GROUP.to_owned(),
        name: package.main.clone(),
        args,
        package: Rc::new(package),
        limits: Limits {
            // Its own process, with nobody beside it: all but what the machine needs to stay alive.
            memory: memory::total_bytes() / 4 * 3,
            ..Limits::default()
        },
        output,
        input,
        lua_path: folders::lua(),
        c_path: folders::c(),
        node: None,
    }
}

/// Output that nobody wants.
struct Nowhere;

impl Output for Nowhere {
    fn write(&self, _: Stream, _: &[u8]) {}

    fn congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(std::future::ready(()))
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        None
    }
}

/// This process's own output. Unlike a group's, it can lose its reader, and then the script has to end.
#[derive(Default)]
pub struct Standard {
    gathered: RefCell<Vec<u8>>,
    on_lost: RefCell<Option<Box<dyn Fn()>>>,
    lost: Cell<bool>,
}

impl Standard {
    /// Calls `body` as soon as nobody reads standard output any more.
    pub fn on_lost(&self, body: impl Fn() + 'static) {
        *self.on_lost.borrow_mut() = Some(Box::new(body));
    }

    /// Whether nobody reads standard output any more.
    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    fn pass_on(&self) {
        let bytes = self.gathered.take();
        if bytes.is_empty() {
            return;
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.lost.set(true);
                if let Some(body) = &*self.on_lost.borrow() {
                    body();
                }
            }
            // A full disk behind standard output is not the script's affair, which cannot see it.
            _ => {}
        }
    }
}

impl Output for Standard {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Out => {
                self.gathered.borrow_mut().extend_from_slice(bytes);
                if self.gathered.borrow().len() >= GATHER {
                    self.pass_on();
                }
            }
            Stream::Err => {
                self.pass_on();
                let _ = io::stderr().lock().write_all(bytes);
            }
        }
    }

    fn congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(std::future::ready(()))
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        let stdout = io::stdout();
        stdout
            .is_terminal()
            .then(|| term::window_size(stdout.as_fd()))
            .flatten()
    }

    fn flush(&self) {
        self.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_checked() {
        assert_eq!(check("a.lua", b"#!/usr/bin/env gshell\nprint(1)"), Ok(()));
        let error = check("a.lua", b"local x = 1\nlocal = 2\n").unwrap_err();
        assert!(error.starts_with("a.lua:2:"), "{error}");
        assert!(check("a.lua", b"\x1bLua").is_err());
    }

    #[test]
    fn texts_are_evaluated() {
        assert_eq!(evaluate("a", "assert(1 + 1 == 2)"), Ok(()));
        let error = evaluate("a", "\nerror('purple')").unwrap_err();
        assert!(error.contains("a:2: purple"), "{error}");
        assert!(evaluate("a", "os.exit(3)").is_err());
    }
}
