//! How a server and a client of an example are started in each language.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use gshell_tests::programs::c_compiler;
use gshell_tests::stdin::Fed;
use gshell_tests::{DEADLINE, Node, Out, binary, command, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What an example is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Rust,
    Lua,
    C,
}

use Language::{C, Lua, Rust};

/// Where client and server meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Discovery on this machine.
    Os,
    /// An address.
    Tcp,
}

/// A server of an example; told to end, and awaited, with [`Server::stop`].
pub struct Server {
    program: Fed,
    address: Option<String>,
}

/// The example `name` as a script.
pub fn script(name: &str) -> String {
    let path = binary::repository().join("examples").join(name);
    path.to_str().expect("a path of text").to_owned()
}

fn file_name(example: &str, role: &str) -> String {
    format!("{}_{role}.lua", example.replace('-', "_"))
}

/// A command with the folders of the node, and words.
fn program(node: &Node, path: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(path);
    command
        .args(words)
        .env("GSHELL_RUN_DIR", node.run_dir())
        .env("GSHELL_STATE_DIR", node.state_dir())
        .current_dir(node.work_dir());
    command
}

/// The folder of `gshell.h`, and the static library.
fn c_library() -> (PathBuf, PathBuf) {
    if let Some(folder) = std::env::var_os("GSHELL_CAPI_LIB") {
        let include = binary::repository().join("runtime/capi/include");
        return (include, PathBuf::from(folder).join("libgshell.a"));
    }
    let prefix = match std::env::var_os("GSHELL_CAPI_PREFIX") {
        Some(prefix) => PathBuf::from(prefix),
        None => install_c_library(),
    };
    (prefix.join("include"), prefix.join("lib/libgshell.a"))
}

/// A C example, compiled once against the installed library (`GSHELL_CAPI_PREFIX`, or what `ci/install-capi` makes) or,
/// for another target, against the `libgshell.a` in `GSHELL_CAPI_LIB`.
fn c_program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let (include, library) = c_library();
        let target = binary::target().unwrap_or_else(|| "native".to_owned());
        let folder = binary::profile_dir().join(format!("pairings-{target}"));
        std::fs::create_dir_all(&folder).expect("a folder for programs");
        for name in ["hello_server", "hello_client"] {
            let mut compiler = c_compiler();
            compiler
                .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-I"])
                .arg(&include)
                .arg(script(&format!("c/{name}.c")))
                .arg(&library)
                .args(["-lpthread", "-ldl", "-lm", "-o"])
                .arg(folder.join(name));
            command::run(compiler, b"").ok();
        }
        folder
    });
    folder.join(name)
}

fn install_c_library() -> PathBuf {
    let profile = binary::profile_dir();
    let prefix = profile.join("pairings/c");
    let mut install = Command::new(binary::repository().join("ci/install-capi"));
    if !profile.ends_with("release") {
        install.arg("--debug");
    }
    install
        .arg(&prefix)
        .env("CARGO_TARGET_DIR", profile.parent().unwrap());
    // Not by the helper with its deadline: the first time, it compiles the library.
    assert!(
        install.status().expect("bash").success(),
        "ci/install-capi failed"
    );
    prefix
}

/// An address that nobody listens on at the moment.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
    listener.local_addr().expect("its number").to_string()
}

impl Server {
    /// Starts the server of an example and waits until it is served; over TCP as well if that is the way.
    pub fn start(node: &Node, language: Language, example: &str, way: Way, words: &[&str]) -> Server {
        let tcp = (way == Way::Tcp).then(free_address);
        let mut given: Vec<&str> = Vec::new();
        let path = match language {
            Rust => {
                given.push("server");
                binary::examples().join(example)
            }
            Lua => binary::gshell().to_owned(),
            C => c_program(&format!("{example}_server")),
        };
        let script = script(&file_name(example, "server"));
        if language == Lua {
            given.extend(["exec", &script]);
        }
        given.extend(words);
        if let Some(tcp) = &tcp {
            given.extend((language != C).then_some("--tcp"));
            given.push(tcp);
        }
        let program = Fed::start(program(node, &path, &given));
        if language == C {
            // It prints nothing; the name that it binds appears at once.
            let socket = node.run_dir().join(format!("svc/example_{example}.sock"));
            wait_until("the server is there", DEADLINE, || socket.exists());
        } else {
            let line = program.line();
            assert!(line.ends_with(" is served"), "{line}");
        }
        if let Some(tcp) = &tcp {
            wait_until("it listens", DEADLINE, || {
                std::net::TcpStream::connect(tcp).is_ok()
            });
        }
        Server {
            program,
            address: tcp,
        }
    }

    /// Ends it by SIGTERM. What it printed last, if anything.
    pub fn stop(mut self) -> Option<i32> {
        let _ = kill(Pid::from_raw(self.program.pid()), Signal::SIGTERM);
        self.program.wait_end()
    }

    /// Its next line.
    pub fn line(&self) -> String {
        self.program.line()
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        let _ = kill(Pid::from_raw(self.program.pid()), Signal::SIGTERM);
    }
}

/// Runs the client of an example to its end.
pub fn client(node: &Node, language: Language, example: &str, server: &Server, words: &[&str]) -> Out {
    let address = server.address.as_deref();
    let command = match language {
        Rust => {
            let mut given = vec!["client"];
            given.extend(words);
            given.extend(address.iter().flat_map(|address| ["--tcp", address]));
            program(node, &binary::examples().join(example), &given)
        }
        Lua => {
            let script = script(&file_name(example, "client"));
            let mut given = vec!["exec", &script];
            given.extend(address.iter().flat_map(|address| ["--tcp", address]));
            given.extend(words);
            program(node, binary::gshell(), &given)
        }
        C => {
            let address = address.map(|address| format!("tcp:{address}"));
            let mut given = words.to_vec();
            given.extend(address.as_deref());
            program(node, &c_program(&format!("{example}_client")), &given)
        }
    };
    command::run(command, b"")
}
