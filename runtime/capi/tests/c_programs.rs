//! The library from outside: C programs that are compiled against its header, with the shared and the static library,
//! alone and against peers in Rust.
//!
//! The library is built and installed by `ci/install-capi`, as users do it, below the target folder; a prefix that is there
//! already is named by `GSHELL_CAPI_PREFIX`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use gshell_service::{Handlers, Node, PublishOptions, Publisher, Scopes, Timeout, discover, rt};
use gshell_wire::{Code, Fault, Message};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "hello.Request")]
struct Request {
    who: String,
    question: String,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "hello.Reply")]
struct Reply {
    answer: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        if let Some(prefix) = std::env::var_os("GSHELL_CAPI_PREFIX") {
            return PathBuf::from(prefix);
        }
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
        let install = Command::new(root().join("ci/install-capi"))
            .arg("--debug")
            .arg(&prefix)
            .output();
        succeeded(&install.expect("ci/install-capi"), "ci/install-capi");
        prefix
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeded(output: &Output, what: &str) -> String {
    assert!(
        output.status.success(),
        "{what}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[derive(Clone, Copy, Debug)]
enum Linked {
    Shared,
    Static,
}

/// Compiles a C file of the repository.
fn compile(file: &str, linked: Linked) -> PathBuf {
    // One after the other, and each once: tests run at the same time, and a program that runs is not written to.
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = Path::new(file).file_stem().unwrap().to_str().unwrap();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{linked:?}"));
    if done.contains(&program) {
        return program;
    }
    let lib = prefix().join("lib");
    let mut cc = Command::new("cc");
    cc.args([
        "-std=c99",
        "-D_DEFAULT_SOURCE",
        "-g",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-I",
    ])
    .arg(prefix().join("include"))
    .arg("-o")
    .arg(&program)
    .arg(root().join(file));
    match linked {
        Linked::Shared => cc
            .arg("-L")
            .arg(&lib)
            .arg("-lgshell")
            .arg(format!("-Wl,-rpath,{}", lib.display())),
        Linked::Static => cc.arg(lib.join("libgshell.a")),
    };
    cc.args(["-lpthread", "-ldl", "-lm"]);
    succeeded(&cc.output().expect("cc"), file);
    done.insert(program.clone());
    program
}

/// A runtime dir of its own, gone with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gsh-capi-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("GSHELL_RUN_DIR", &self.0)
            .env("GSHELL_STATE_DIR", &self.0);
        command
    }

    fn node(&self) -> Node {
        Node::at(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A C server that runs; stopped by its signal handler.
struct Running(Child);

impl Running {
    fn stop(mut self) -> String {
        let pid = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = self.0.wait().unwrap();
        let mut out = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(status.success(), "{status}: {out}");
        out
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(place: &Place, program: &Path) -> Running {
    Running(place.command(program).stdout(Stdio::piped()).spawn().unwrap())
}

#[test]
fn c_asks_c() {
    for (server, client) in [(Linked::Shared, Linked::Static), (Linked::Static, Linked::Shared)] {
        let place = Place::new();
        let running = serve(&place, &compile("examples/c/hello_server.c", server));
        let client = compile("examples/c/hello_client.c", client);
        let answer = place.command(&client).arg("Bob").output().unwrap();
        assert_eq!(succeeded(&answer, "hello_client"), "I am hello server, Bob\n");
        let refused = place.command(&client).arg("").output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(text(&refused.stderr), "hello_client: who are you? (Invalid)\n");
        assert_eq!(running.stop(), "1 requests answered\n");
    }
}

#[test]
fn rust_asks_c() {
    let place = Place::new();
    let running = serve(&place, &compile("examples/c/hello_server.c", Linked::Shared));
    let search = discover(&place.node(), "example", "hello").timeout(Timeout::For(Duration::from_secs(10)));
    let mut client = search.one_blocking().unwrap();
    let ask = |who: &str| Request {
        who: who.to_owned(),
        question: "who are you?".to_owned(),
    };
    let reply: Reply = client.call(&ask("Rust"), None).unwrap();
    assert_eq!(reply.answer, "I am hello server, Rust");
    let fault = client.call::<_, Reply>(&ask(""), None).unwrap_err();
    assert_eq!(
        (fault.code(), fault.message.as_str()),
        (Some(Code::Invalid), "who are you?")
    );
    // The async client, many at once.
    let answers = rt::block_on(async {
        let client = search.one().await.unwrap();
        let calls = (0..50).map(|number| client.call::<_, Reply>(ask(&number.to_string())));
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap().answer);
        }
        answers
    });
    assert_eq!(answers[49], "I am hello server, 49");
    assert_eq!(running.stop(), "51 requests answered\n");
}

#[test]
fn c_asks_rust() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let place = Place::new();
    let node = place.node();
    let (send, receive) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        rt::block_on(async {
            let handlers = Handlers::new().on(|request: Request, _| async move {
                match request.who.as_str() {
                    "" => Err(Fault::new(Code::Denied, "no name").with_cause("it is empty")),
                    who => Ok(Reply {
                        answer: format!("I am hello server, {who}"),
                    }),
                }
            });
            let options = PublishOptions {
                tcp: Some("127.0.0.1:0".parse().unwrap()),
                ..PublishOptions::default()
            };
            let publisher = Publisher::new(&node, "example").unwrap();
            let published = publisher
                .publish("hello", handlers, Scopes::OS, &options)
                .unwrap();
            send.send(published.tcp().unwrap()).unwrap();
            let until = Instant::now() + Duration::from_secs(60);
            while !STOP.load(Ordering::Relaxed) && Instant::now() < until {
                rt::sleep(Duration::from_millis(10)).await;
            }
        });
    });
    let address = format!("tcp:{}", receive.recv().unwrap());
    for linked in [Linked::Shared, Linked::Static] {
        let client = compile("examples/c/hello_client.c", linked);
        let answer = place.command(&client).arg("C").output().unwrap();
        assert_eq!(succeeded(&answer, "hello_client"), "I am hello server, C\n");
        let answer = place.command(&client).args(["TCP", &address]).output().unwrap();
        assert_eq!(succeeded(&answer, "hello_client"), "I am hello server, TCP\n");
        let refused = place.command(&client).arg("").output().unwrap();
        assert_eq!(
            text(&refused.stderr),
            "hello_client: no name (Denied): it is empty\n"
        );
    }
    STOP.store(true, Ordering::Relaxed);
    server.join().unwrap();
}

#[test]
fn everything_from_c_with_both_libraries() {
    for linked in [Linked::Shared, Linked::Static] {
        for name in ["fields", "service"] {
            let program = compile(&format!("runtime/capi/tests/c/{name}.c"), linked);
            let place = Place::new();
            let output = place.command(&program).output().unwrap();
            assert_eq!(succeeded(&output, name), format!("{name}: well\n"));
        }
    }
}

#[test]
fn nothing_is_lost_or_read_beyond_its_end() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("without valgrind this is not tested");
        return;
    }
    let valgrind = [
        "-q",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
        "--error-exitcode=99",
    ];
    for name in ["fields", "service"] {
        let program = compile(&format!("runtime/capi/tests/c/{name}.c"), Linked::Shared);
        let place = Place::new();
        let mut command = place.command(Path::new("valgrind"));
        let output = command.args(valgrind).arg(program).output().unwrap();
        succeeded(&output, name);
    }
}

#[test]
fn the_header_is_cpp_too() {
    let checked = Command::new("c++")
        .args([
            "-std=c++11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-fsyntax-only",
            "-x",
            "c++",
        ])
        .arg(root().join("runtime/capi/include/gshell.h"))
        .output()
        .expect("c++");
    succeeded(&checked, "gshell.h");
}

#[test]
fn the_library_exports_what_the_header_declares() {
    let header = std::fs::read_to_string(prefix().join("include/gshell.h")).unwrap();
    let declared: BTreeSet<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '*']) && !line.starts_with("typedef"))
        .filter_map(|line| {
            let start = line.find("gshell_")?;
            let (name, rest) = line[start..].split_once('(')?;
            let name = name.rsplit([' ', '*']).next()?;
            (!rest.is_empty()).then(|| name.to_owned())
        })
        .collect();
    let library = prefix().join("lib/libgshell.so");
    let nm = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library)
        .output()
        .expect("nm");
    let exported: BTreeSet<String> = succeeded(&nm, "nm")
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(declared.len() > 60, "{declared:?}");
    assert_eq!(declared, exported);
}
