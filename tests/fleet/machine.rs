//! The machines of a fleet: a network namespace, a node, and the two ends of the fleet test on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gshell_tests::stdin::Fed;
use gshell_tests::{Node, Out, binary, command, plugins};

use crate::namespaces::cover_temporary_files;

/// What anything may take on an emulated processor beside four others.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// What a service or a client is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Rust,
    Lua,
}

pub const LANGUAGES: [Language; 2] = [Language::Rust, Language::Lua];

impl Language {
    /// In names and tables.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Lua => "lua",
        }
    }

    /// The port of the service of the fleet test.
    pub fn port(self) -> u16 {
        match self {
            Language::Rust => 7001,
            Language::Lua => 7002,
        }
    }
}

/// A build of the program for one architecture.
pub struct Build {
    /// Name of the architecture; a second of the same has a number behind it.
    pub arch: String,
    program: PathBuf,
    examples: PathBuf,
    sysroot: Option<String>,
    cc: String,
}

/// The builds that the environment names, in its order.
pub fn builds() -> Vec<Build> {
    let bins = pairs("GSHELL_FLEET_BINS");
    if bins.is_empty() {
        let of_this_machine = |arch: &str| Build {
            arch: arch.to_owned(),
            program: binary::gshell().to_owned(),
            examples: binary::examples().to_owned(),
            sysroot: None,
            cc: "cc".to_owned(),
        };
        eprintln!(
            "GSHELL_FLEET_BINS is not set: two nodes of this machine's own build (ci/cross fleet takes all targets)"
        );
        let arch = std::env::consts::ARCH;
        return vec![of_this_machine(arch), of_this_machine(&format!("{arch}-2"))];
    }
    let (examples, sysroots) = (pairs("GSHELL_FLEET_EXAMPLES"), pairs("GSHELL_FLEET_SYSROOTS"));
    let of = |list: &[(String, String)], arch: &str| {
        let found = list.iter().find(|(name, _)| name == arch);
        found.map(|(_, path)| path.clone())
    };
    let compilers = pairs("GSHELL_FLEET_CCS");
    let there = |path: &str| {
        Path::new(path)
            .canonicalize()
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    bins.iter()
        .map(|(arch, program)| Build {
            arch: arch.clone(),
            program: there(program),
            examples: there(
                &of(&examples, arch).unwrap_or_else(|| panic!("GSHELL_FLEET_EXAMPLES has no {arch}")),
            ),
            sysroot: of(&sysroots, arch).filter(|sysroot| !sysroot.is_empty()),
            cc: of(&compilers, arch).unwrap_or_else(|| panic!("GSHELL_FLEET_CCS has no {arch}")),
        })
        .collect()
}

/// Environment that names this machine's own build, made if need be; nothing when other builds are named.
pub fn prebuilt() -> Vec<(&'static str, &'static Path)> {
    match pairs("GSHELL_FLEET_BINS").is_empty() {
        true => vec![
            ("GSHELL_BIN", binary::gshell()),
            ("GSHELL_EXAMPLES", binary::examples()),
            ("GSHELL_PLUGINS", Path::new(plugins::shipped())),
        ],
        false => Vec::new(),
    }
}

fn pairs(variable: &str) -> Vec<(String, String)> {
    let text = std::env::var(variable).unwrap_or_default();
    let entries = text.split(',').filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (arch, path) = entry
                .split_once('=')
                .unwrap_or_else(|| panic!("{variable}: {entry} is no ARCH=PATH"));
            (arch.to_owned(), path.to_owned())
        })
        .collect()
}

impl Build {
    /// A node of this build that runs in the namespaces of the test.
    pub fn node(&self) -> Node {
        self.node_by(&[])
    }

    /// Compiles one of `tests/programs` for this architecture.
    pub fn c_program(&self, name: &str, folder: &Path) -> String {
        let source = binary::repository().join(format!("tests/programs/{name}.c"));
        let program = folder.join(name);
        let mut compiler = Command::new(&self.cc);
        compiler
            .args(["-std=gnu99", "-O1", "-static"])
            .arg(source)
            .arg("-o")
            .arg(&program);
        command::run(compiler, b"").ok();
        program.to_str().expect("a path of text").to_owned()
    }

    fn node_by(&self, wrapper: &[&str]) -> Node {
        let mut node = Node::of(&self.program, wrapper);
        if let Some(sysroot) = &self.sysroot {
            node.set_env("QEMU_LD_PREFIX", sysroot);
        }
        node
    }
}

/// A node on the network of the fleet. What runs on it goes before its namespace does.
pub struct Machine {
    pub arch: String,
    pub node: Node,
    pub address: String,
    examples: PathBuf,
    servers: Vec<Fed>,
    _network: Fed,
}

/// Runs a command of the system that has to work.
fn system(words: &[&str]) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command::run(command, b"").ok();
}

/// A machine for each build, with a daemon on each, on one bridge.
pub fn fleet() -> Vec<Machine> {
    cover_temporary_files();
    system(&["ip", "link", "add", "bridge", "type", "bridge"]);
    system(&["ip", "link", "set", "bridge", "up"]);
    let builds = builds();
    builds
        .iter()
        .enumerate()
        .map(|(at, build)| Machine::start(build, at + 1))
        .collect()
}

impl Machine {
    fn start(build: &Build, number: usize) -> Machine {
        let mut holder = Command::new("unshare");
        // It holds the namespace until its input ends.
        holder.args(["--net", "sh", "-c", "echo there; exec cat"]);
        let network = Fed::start(holder);
        assert_eq!(network.line(), "there");
        let (pid, wire) = (network.pid().to_string(), format!("wire{number}"));
        let address = format!("10.77.0.{number}");
        system(&[
            "ip", "link", "add", &wire, "type", "veth", "peer", "name", "eth0", "netns", &pid,
        ]);
        system(&["ip", "link", "set", &wire, "master", "bridge", "up"]);
        let enter = format!("--net=/proc/{pid}/ns/net");
        let enter = ["nsenter", &enter, "--"];
        for words in [
            &["ip", "address", "add", &format!("{address}/24"), "dev", "eth0"][..],
            &["ip", "link", "set", "eth0", "up"],
            &["ip", "link", "set", "lo", "up"],
        ] {
            system(&[&enter, words].concat());
        }
        let mut node = build.node_by(&enter);
        let folder = node.work_dir().join("plugins");
        node.set_env("GSHELL_PLUGIN_DIR", folder.to_str().expect("a path of text"));
        node.start_daemon();
        Machine {
            arch: build.arch.clone(),
            node,
            address,
            examples: build.examples.clone(),
            servers: Vec::new(),
            _network: network,
        }
    }

    /// The folder in which its plugins are.
    pub fn plugins(&self) -> PathBuf {
        self.node.work_dir().join("plugins")
    }

    /// Whether it takes other programs than `other`; two of this machine's own build have the same.
    pub fn is_unlike(&self, other: &Machine) -> bool {
        let base = |machine: &Machine| machine.arch.trim_end_matches("-2").to_owned();
        base(self) != base(other)
    }

    /// Where the service of the fleet test in this language listens.
    pub fn service(&self, language: Language) -> String {
        format!("tcp:{}:{}", self.address, language.port())
    }

    /// The name of that service; one of x86_64 has no `_`.
    pub fn service_name(&self, language: Language) -> String {
        format!("{}-{}", language.name(), self.arch.replace('_', "-"))
    }

    /// Starts the service of the fleet test in both languages: as a process of its own, and in a group.
    pub fn serve(&mut self) {
        for language in LANGUAGES {
            let name = self.service_name(language);
            let tcp = format!("{}:{}", self.address, language.port());
            match language {
                Language::Rust => {
                    let program = self.example("fleet", &["server", "--name", &name, "--tcp", &tcp]);
                    self.serve_by(program);
                }
                Language::Lua => {
                    let id = self
                        .node
                        .ok(&["run", "-g", "service", &peer_lua(), "server", &name, &tcp]);
                    self.node.wait_log(&id, "at tcp:");
                }
            }
        }
    }

    /// Starts a server, and waits until it says where it listens.
    pub fn serve_by(&mut self, program: Command) {
        let server = Fed::start(program);
        let line = server.line_within(PATIENCE).expect("a server goes on");
        assert!(line.ends_with(" is served"), "{line}");
        let line = server.line_within(PATIENCE).expect("a server goes on");
        assert!(line.starts_with("at tcp:"), "{line}");
        self.servers.push(server);
    }

    /// A command that runs an example in Rust on this machine.
    pub fn example(&self, name: &str, words: &[&str]) -> Command {
        self.node.program(&self.examples.join(name), words)
    }

    /// A command that runs the fleet test's client against targets.
    pub fn client(&self, language: Language, targets: &[String]) -> Command {
        let name = format!("{}-{}", language.name(), self.arch);
        match language {
            Language::Rust => self.example("fleet", &["client", "--name", &name, "--to", &targets.join(",")]),
            Language::Lua => {
                let peer = peer_lua();
                let mut words = vec!["run", "-i", "-g", "client", &peer, "client", &name];
                words.extend(targets.iter().map(String::as_str));
                self.node.command(words)
            }
        }
    }

    /// Runs a command to its end.
    pub fn run(&self, command: Command) -> Out {
        command::run(command, b"")
    }
}

/// The fleet test's service and client in Lua, a folder.
pub fn peer_lua() -> String {
    let path = binary::repository().join("tests/fleet/peer_lua");
    path.to_str().expect("a path of text").to_owned()
}
