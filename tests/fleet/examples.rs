//! The programs of `examples/` between the machines: hello in all pairs, echo and template between the two languages.

use std::process::Command;

use gshell_tests::{Out, binary};

use crate::machine::{LANGUAGES, Language, Machine};
use crate::table::Row;

/// An example, and the port of its service in Rust; in Lua it has the next one.
const EXAMPLES: [(&str, u16); 3] = [("hello", 7101), ("echo", 7201), ("template", 7301)];

/// Starts the services of all machines, and runs every client against every service.
pub fn all(machines: &mut [Machine]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (example, port) in EXAMPLES {
        for machine in &mut *machines {
            for language in LANGUAGES {
                serve(machine, example, language, port);
            }
        }
        for client in &*machines {
            for language in LANGUAGES {
                for server in &*machines {
                    rows.extend(conversations(example, port, (client, language), server));
                }
            }
        }
    }
    rows
}

fn port_of(language: Language, port: u16) -> u16 {
    port + u16::from(language == Language::Lua)
}

fn serve(machine: &mut Machine, example: &str, language: Language, port: u16) {
    let tcp = format!("{}:{}", machine.address, port_of(language, port));
    // A name exists once on a node; only by their addresses are they called here.
    let run_dir = machine
        .node
        .work_dir()
        .join(format!("{example}-{}", language.name()));
    std::fs::create_dir_all(&run_dir).expect("a folder");
    let mut words = vec!["--tcp", &tcp];
    if example == "echo" {
        words.extend(["--delay", "0"]);
    }
    let mut program = command(machine, example, "server", language, &words);
    program.env("GSHELL_RUN_DIR", run_dir);
    machine.serve_by(program);
}

fn command(machine: &Machine, example: &str, role: &str, language: Language, words: &[&str]) -> Command {
    match language {
        Language::Rust => machine.example(example, &[&[role], words].concat()),
        Language::Lua => {
            let script = binary::repository().join(format!("examples/{example}_{role}.lua"));
            let script = script.to_str().expect("a path of text").to_owned();
            machine.node.command([&["exec", &script], words].concat())
        }
    }
}

/// What a client says with the services of a machine. Only hello is so short that it also talks within a language.
fn conversations(
    example: &'static str,
    port: u16,
    (client, language): (&Machine, Language),
    server: &Machine,
) -> Vec<Row> {
    let others = LANGUAGES
        .into_iter()
        .filter(|other| example == "hello" || *other != language);
    others
        .map(|other| {
            let tcp = format!("{}:{}", server.address, port_of(other, port));
            let (right, wrong) = match example {
                "hello" => hello(client, language, &tcp),
                "echo" => echo(client, language, &tcp),
                _ => template(client, language, &tcp),
            };
            Row {
                what: example,
                client: (client.arch.clone(), language.name()),
                server: (server.arch.clone(), other.name()),
                over: "TCP",
                right,
                wrong,
            }
        })
        .collect()
}

fn run(client: &Machine, example: &str, language: Language, tcp: &str, words: &[&str]) -> Out {
    let words = [&["--tcp", tcp], words].concat();
    client.run(command(client, example, "client", language, &words))
}

/// Two messages that are right, or one that is wrong.
fn pair(out: &Out, is_right: bool) -> (u32, u32) {
    if is_right {
        return (2, 0);
    }
    eprintln!("wrong: {out:#?}");
    (0, 1)
}

fn hello(client: &Machine, language: Language, tcp: &str) -> (u32, u32) {
    let words: &[&str] = if language == Language::Rust {
        &["--who", "Änn"]
    } else {
        &["Änn"]
    };
    let out = run(client, "hello", language, tcp, words);
    pair(&out, out.stdout.trim() == "I am hello server, Änn")
}

fn echo(client: &Machine, language: Language, tcp: &str) -> (u32, u32) {
    let out = run(client, "echo", language, tcp, &[]);
    let is_right = |num: &i32| {
        let line = format!(
            "{{ni hao {num}}} ==> {{ni hao! {}}}, yours echo.v1.0 from ",
            num + 1
        );
        out.stdout
            .lines()
            .filter(|found| found.starts_with(&line))
            .count()
            == 1
    };
    let numbers = (1..=11).flat_map(|stream| stream * 100..stream * 100 + 9);
    let right = numbers.filter(is_right).count() as u32;
    if right != 99 {
        eprintln!("wrong: {out:#?}");
    }
    (right * 2, 99 - right)
}

fn template(client: &Machine, language: Language, tcp: &str) -> (u32, u32) {
    let input: fn(&'static str) -> Vec<&'static str> = match language {
        Language::Rust => |text| vec!["--input", text],
        Language::Lua => |text| vec![text],
    };
    let good = run(client, "template", language, tcp, &input("It says:"));
    let bad = run(client, "template", language, tcp, &input(""));
    let good = pair(&good, good.stdout.trim() == "It says: Hello template");
    let bad = pair(
        &bad,
        bad.code != Some(0) && bad.stderr.contains("the input is empty"),
    );
    (good.0 + bad.0, good.1 + bad.1)
}
