//! Tests of the table: what the commands say, and what is said about wrong command lines.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::help::{Style, help};
use super::{Command, Many, Matches, Stop, options};
use crate::cli::PROGRAM;
use crate::cli::tests::{parse, try_parse};
use crate::exit_codes::Status;

/// Calls `body` with the path of every command.
fn every(path: &mut Vec<&'static Command>, body: &dyn Fn(&[&'static Command])) {
    body(path);
    // What is absent has nothing to say but that.
    let commands = path[path.len() - 1].commands.iter();
    for command in commands.filter(|command| command.absent.is_none()) {
        path.push(command);
        every(path, body);
        path.pop();
    }
}

#[test]
fn the_table_is_consistent() {
    every(&mut vec![&PROGRAM], &|path| {
        let command = path[path.len() - 1];
        let name = command.name;
        assert!(
            !command.about.is_empty() && !command.about.ends_with('.'),
            "{name}"
        );
        let lines = command.examples.iter();
        assert!(
            path.len() == 1 || lines.clone().any(|line| line.contains("gshell ")),
            "{name} has no example"
        );
        assert!(
            command.commands.is_empty() || command.positionals.is_empty(),
            "{name}"
        );
        let (last, first) = command
            .positionals
            .split_last()
            .map_or((None, &[][..]), |(last, first)| (Some(last), first));
        assert!(
            first.iter().all(|positional| positional.many == Many::One),
            "{name}"
        );
        assert!(last.is_none_or(|last| !last.help.is_empty()), "{name}");
        let all: Vec<_> = options(path).collect();
        for (at, option) in all.iter().enumerate() {
            assert!(!option.help.is_empty(), "{name} --{}", option.long);
            for other in &all[..at] {
                assert_ne!(option.long, other.long, "{name}");
                assert!(
                    option.short.is_none() || option.short != other.short,
                    "{name} --{}",
                    option.long
                );
            }
            assert!(
                option
                    .conflicts
                    .iter()
                    .all(|long| all.iter().any(|other| other.long == *long)),
                "{name}"
            );
        }
    });
}

#[test]
fn examples_are_command_lines() {
    every(&mut vec![&PROGRAM], &|path| {
        for example in path[path.len() - 1].examples {
            let line = example.split_once("gshell ").unwrap().1;
            let words: Vec<String> = line
                .split(['>', ')', '|'])
                .next()
                .unwrap()
                .split_whitespace()
                .map(|word| word.trim_matches('\'').to_owned())
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            parse(&words);
        }
    });
}

#[test]
fn help_fits_its_width() {
    every(&mut vec![&PROGRAM], &|path| {
        for width in [30, 60, 80, 110] {
            let text = help(path, true, Style::plain(width));
            let left = text.lines().filter(|line| line.starts_with("          "));
            let long = left
                .filter(|line| line.trim_start().contains(' '))
                .find(|line| line.chars().count() > width);
            assert_eq!(long, None);
            assert!(text.contains("Usage:\n  gshell") && text.contains("--help"));
        }
    });
}

#[test]
fn help_has_everything() {
    let path = parse(&["run", "x"]).path().to_vec();
    let text = help(&path, true, Style::plain(80));
    let want = "\
Options:
  -g, --group <GROUP>       Group to run in [default: a new one with a name that
                            is made up]
      --max-threads <N>     Executor threads of the group [default: the number
                            of CPUs, at most 4]
";
    assert!(text.contains(want), "{text}");
    for want in [
        "\nUsage:\n  gshell run [OPTIONS] <PATH> [ARGS]...\n",
        "What follows PATH goes to the script",
        "[default: 0]",
        "[env: GSHELL_RUN_DIR]",
        "\nExamples:\n  gshell run hello.lua\n",
    ] {
        assert!(text.contains(want), "{want}: {text}");
    }
    assert!(!help(&path, false, Style::plain(80)).contains("What follows PATH"));
    assert!(!help(parse(&["daemon"]).path(), true, Style::plain(80)).contains("background "));
    assert!(help(&[&PROGRAM], true, Style::plain(80)).contains("Exit status:"));
}

#[test]
fn mistakes_are_explained() {
    for (line, said) in [
        (
            &["strat"][..],
            "'gshell' has no command 'strat'; did you mean 'start'? (see 'gshell --help')",
        ),
        (
            &["frobnicate"],
            "'gshell' has no command 'frobnicate' (see 'gshell --help')",
        ),
        (
            &["daemon", "stpo"],
            "'gshell daemon' has no command 'stpo'; did you mean 'stop'?",
        ),
        (
            &["ps", "--gruop", "x"],
            "'gshell ps' has no option '--gruop'; did you mean '--group'? (see 'gshell ps --help')",
        ),
        (&["ps", "-x"], "'gshell ps' has no option '-x' ("),
        (&["ps", "-V"], "'gshell ps' has no option '-V'"),
        (&["ps", "-g"], "option '--group' needs a value, GROUP"),
        (&["ps", "-g", "--all"], "'--group=--all'"),
        (
            &["ps", "--all=yes"],
            "option '--all' takes no value, and \"yes\" is given",
        ),
        (&["ps", "-g", "a", "--group=b"], "option '--group' is given twice"),
        (
            &["stop"],
            "ID|NAME is missing, as in 'gshell stop [OPTIONS] <ID|NAME>...'",
        ),
        (&["id", "x"], "'gshell id' takes no argument \"x\""),
        (&["attach", "a", "b"], "takes no argument \"b\""),
        (
            &["stop", "a", "../b"],
            "invalid value \"../b\" for ID|NAME: it is an ID or a name, never a path",
        ),
        (
            &["ps", "-l", "loud"],
            "invalid value \"loud\" for '--log-level <LEVEL>': allowed are error, warn, info, debug",
        ),
        (
            &["daemon", "--detach", "stop"],
            "'--detach' and 'stop' contradict each other",
        ),
        (
            &["daemon", "--foreground", "--detach"],
            "'--foreground' and '--detach' contradict",
        ),
    ] {
        let failure = try_parse(line).err().unwrap_or_else(|| panic!("{line:?} passes"));
        assert_eq!(failure.status, Status::Usage, "{line:?}");
        assert!(failure.text.contains(said), "{line:?}: {failure}");
    }
}

#[test]
fn what_is_no_text_is_named() {
    let odd = || OsString::from_vec(vec![b'a', 0xff]);
    let read = |words: &[&str]| {
        let mut matches = Matches::new(&PROGRAM);
        let words = words.iter().map(OsString::from).chain([odd()]).collect();
        match matches.read(words) {
            Err(Stop::Wrong(failure)) => failure.text.clone(),
            Ok(()) => String::new(),
            Err(other) => panic!("{other:?}"),
        }
    };
    let text = "the value \"a\\xFF\" for";
    for (words, what) in [
        (&["stop", "x"][..], "ID|NAME"),
        (&["run", "x"], "ARGS"),
        (&["ps", "-g"], "'--group <GROUP>'"),
    ] {
        assert!(
            read(words).starts_with(&format!("{text} {what} is no text in UTF-8")),
            "{words:?}"
        );
    }
    for words in [&["run"][..], &["--run-dir"]] {
        assert_eq!(read(words), "", "a path can be anything");
    }
    assert!(read(&[]).contains("has no command"));
}

#[test]
fn values_and_defaults() {
    let matches = parse(&["list", "--service", "grg-*", "-vpself"]);
    assert_eq!(
        (matches.text("service"), matches.text("publisher")),
        (Some("grg-*"), Some("*"))
    );
    assert!(matches.flag("verbose") && !matches.flag("json"));
    let matches = parse(&["log", "-fn20", "x"]);
    assert_eq!(matches.number("lines", 0, 100), Ok(Some(20)));
    let failure = matches.number("lines", 0, 19).unwrap_err();
    assert!(
        failure
            .text
            .starts_with("invalid value \"20\" for '--lines <LINES>': it is a number from 0 to 19")
    );
    assert_eq!(parse(&["ps", "a", "--json", "b"]).texts(0), ["a", "b"]);
    assert_eq!(parse(&["ps", "--", "--json"]).texts(0), ["--json"]);
    assert_eq!(parse(&["--", "ps"]).command().name, "ps");
}
