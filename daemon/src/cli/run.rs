//! `gshell run`: a script or program in an environment of a group.

use std::path::Path;

use gshell_control::limits::RT_MAX;
use gshell_control::messages::daemon::{Run, Started};
use gshell_control::{GroupSpec, Invalid, Job, Restart};
use gshell_sys::user;
use serde::Serialize;

use super::args::{Command, Many, Matches, Opt, Positional, Values};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, SLOW};
use super::missing;
use super::pack::{self, Packed};
use super::{attach, output, values};
use crate::exit_codes::Status;

/// What to run.
pub const WHAT: &[Positional] = &[
    Positional::new("PATH", "What to run").values(Values::File),
    Positional::new("ARGS", "Its arguments, as they are, options too").many(Many::Rest),
];

/// `gshell run`.
pub const COMMAND: Command = Command {
    long: "What follows PATH goes to the script as it is, options too. The options about the group (threads, \
           priority, user, CPUs) count when the group is made; for one that exists they only warn.",
    options: &[
        Opt::value("group", "GROUP", "Group to run in [default: a new one with a name that is made up]")
            .short('g')
            .values(Values::Group)
            .check(values::group),
        Opt::value(
            "max-threads",
            "N",
            "Executor threads of the group [default: the number of CPUs, at most 4]",
        ),
        Opt::value("rt", "PRIORITY", "Real-time priority of the group, 1 to 99 (SCHED_RR)"),
        Opt::value("mem", "SIZE", "Memory that the environment may use, such as 64k, 16M or 1G"),
        Opt::value("user", "USER", "User that the group runs as"),
        Opt::value("nice", "N", "Nice value of the group, -20 (favoured) to 19"),
        Opt::value("cpus", "LIST", "CPUs that the group may use, such as 0,2-3"),
        Opt::flag(
            "interactive",
            "Attach this terminal: input, output, signals. Ctrl-C asks the script to stop, a second one kills it; \
             Ctrl-P Ctrl-Q detaches",
        )
        .short('i'),
        Opt::flag("rm", "Remove the environment as soon as it has exited for good"),
        Opt::value("restart", "N|always", "Restarts after a failure: a number, or \"always\"").default("0"),
        Opt::value(
            "name",
            "NAME",
            "Name that the environment is listed by [default: the name of the file or folder]",
        )
        .check(values::target),
    ],
    positionals: WHAT,
    examples: &[
        "gshell run hello.lua",
        "gshell run -i examples/top.lua -n 1",
        "gshell run -g web --restart always --mem 16M server/ --port 80",
        "gshell run -g fast --rt 10 --cpus 0,2-3 loop.lua",
    ],
    ..Command::new(
        "run",
        "Run a script, a folder with main.lua, or an ELF program in an environment; prints its ID",
        run,
    )
};

/// What the options say about the group and the environment.
#[derive(Debug)]
struct Choice {
    spec: GroupSpec,
    memory: u64,
    restart: Restart,
}

impl Choice {
    fn of(global: &Global, matches: &Matches) -> Result<Self, Failure> {
        let restart = |text: &str| text.parse().map_err(|error: Invalid| error.reason);
        let spec = GroupSpec {
            max_threads: matches.parse("max-threads", values::threads)?.unwrap_or(0),
            rt: matches.number("rt", 1, RT_MAX.into())?.unwrap_or(0) as u8,
            nice: matches.number("nice", -20, 19)?.unwrap_or(0) as i8,
            cpus: matches.parse("cpus", values::cpus)?.unwrap_or_default(),
            user: matches.string("user"),
            log_level: global.log_level,
            ..GroupSpec::default()
        };
        if let Some(user) = &spec.user {
            user::lookup(user).map_err(|error| Failure::io(&format!("cannot run as user {user}"), &error))?;
        }
        spec.check()?;
        Ok(Self {
            spec,
            memory: matches.parse("mem", values::size)?.unwrap_or(0),
            restart: matches.parse("restart", restart)?.unwrap_or(Restart::Never),
        })
    }
}

/// Path and arguments.
pub fn what(matches: &Matches) -> (&Path, Vec<String>) {
    let path = matches.words().first().map_or(Path::new(""), Path::new);
    (path, matches.texts(1))
}

/// What was started, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    group: &'a str,
    id: &'a str,
}

/// Starts the environment; with `-i`, ends as it does.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let Choice {
        spec,
        memory,
        restart,
    } = Choice::of(global, matches)?;
    let interactive = matches.flag("interactive");
    let (path, words) = what(matches);
    let Packed { package, name } = pack::pack(path)?;
    let is_app = package.app().is_some();
    let name = matches.string("name").unwrap_or(name);
    Job::check_request(&name, &words)?;
    let (cols, rows) = if interactive { attach::window() } else { (0, 0) };
    let request = Run {
        group: matches.string("group"),
        spec,
        package,
        name,
        args: words,
        restart,
        auto_remove: matches.flag("rm"),
        memory,
        interactive,
        rows,
        cols,
    };
    let mut link = Link::open(global, Absent::Start)?;
    let what = format!("cannot run {}", path.display());
    let started: Started =
        link.call(&what, &request, SLOW)
            .map_err(|failure| match (is_app, failure.status) {
                (true, Status::NotFound) => {
                    let why = failure.text.strip_prefix(&format!("{what}: "));
                    missing::neither(path, why.unwrap_or(&failure.text))
                }
                _ => failure,
            })?;
    output::warn_all(&started.warnings);
    if interactive {
        return attach::attach(global, &attach::Place::of(started));
    }
    match global.json {
        true => output::json(&Report {
            group: &started.group,
            id: &started.id,
        })?,
        false => drop(output::print(&format!("{}\n", started.id))?),
    }
    Ok(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{parse, try_parse};

    fn choice(options: &[&str]) -> Result<Choice, Failure> {
        let line: Vec<&str> = [&["run"], options, &["a.lua", "x"]].concat();
        let matches = try_parse(&line)?;
        Choice::of(&crate::cli::global(&matches)?, &matches)
    }

    #[test]
    fn what_follows_the_path_is_the_scripts() {
        let all = [
            "a.lua", "-i", "--rm", "--", "-n", "1", "--help", "--mem=x", "-g", "a.lua",
        ];
        for before in [&["run"][..], &["run", "--"]] {
            let matches = parse(&[before, &all].concat());
            assert!(!matches.flag("interactive") && !matches.flag("rm"));
            let (path, words) = what(&matches);
            assert_eq!(path, Path::new("a.lua"));
            assert_eq!(words, all[1..]);
        }
        assert_eq!(
            what(&parse(&["run", "--", "-a.lua", "-i"])).0,
            Path::new("-a.lua")
        );
    }

    #[test]
    fn options_go_before_the_path() {
        let options = [
            "-irm",
            "-g",
            "web",
            "--rt",
            "5",
            "--nice",
            "-3",
            "--cpus",
            "0,2-3",
            "--mem",
            "16M",
            "--restart=3",
        ];
        let failure = choice(&options).unwrap_err();
        assert!(failure.text.contains("'-r'"), "{failure}");
        let options = [&["-i", "--rm", "--max-threads", "2"], &options[1..]].concat();
        let matches = parse(&[&["run"], &options[..], &["a.lua", "x"]].concat());
        assert!(matches.flag("interactive") && matches.flag("rm"));
        assert_eq!(matches.text("group"), Some("web"));
        let Choice {
            spec,
            memory,
            restart,
        } = choice(&options).unwrap();
        assert_eq!((spec.rt, spec.nice, spec.max_threads), (5, -3, 2));
        assert_eq!((memory, restart), (16 << 20, Restart::Times(3)));
        assert_eq!(spec.cpus, [0, 2, 3]);
        assert_eq!(choice(&["--restart", "always"]).unwrap().restart, Restart::Always);
        let plain = choice(&[]).unwrap();
        assert_eq!(
            (plain.restart, plain.memory, plain.spec.rt),
            (Restart::Never, 0, 0)
        );
    }

    #[test]
    fn bad_values_are_told() {
        for (options, said) in [
            (["-g", "a_b"], "'_'"),
            (["-g", ".."], "'..'"),
            (["--rt", "100"], "'--rt <PRIORITY>': it is a number from 1 to 99"),
            (["--rt", "0"], "from 1 to 99"),
            (["--nice", "20"], "from -20 to 19"),
            (["--mem", "lots"], "as in 64k"),
            (["--restart", "-1"], "always"),
            (["--cpus", "9-1"], "as in 0,2-3"),
            (["--max-threads", "0"], "1 to 256"),
            (["--name", "a/b"], "never a path"),
            (["--user", "--rm"], "needs a value, USER"),
        ] {
            let failure = choice(&options).unwrap_err();
            assert_eq!(failure.status, Status::Usage);
            assert!(failure.text.contains(said), "{options:?}: {failure}");
        }
    }

    #[test]
    fn unknown_options_are_no_paths() {
        let failure = try_parse(&["run", "--bogus", "a.lua"]).err().unwrap();
        assert!(
            failure.text.contains("'--bogus'") && failure.text.contains("./--bogus"),
            "{failure}"
        );
    }
}
