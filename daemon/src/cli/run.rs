//! `gshell run`: a script or program in an environment of a group.

use std::ffi::OsString;
use std::path::Path;

use gshell_control::limits::RT_MAX;
use gshell_control::messages::daemon::{Run, Started};
use gshell_control::{GroupSpec, Invalid, Job, Restart};
use gshell_sys::user;

use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, SLOW};
use super::pack::{self, Packed};
use super::{attach, output, values};
use crate::exit_codes::Status;

/// Run a script, a folder with main.lua, or an ELF program in an environment; prints its ID.
///
/// What follows PATH goes to the script as it is, options too. The options about the group (threads, priority, user,
/// CPUs) count when the group is made; for one that exists they only warn.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gshell run hello.lua\n  gshell run -i examples/top.lua -n 1\n  \
                  gshell run -g web --restart always --mem 16M server/ --port 80\n  \
                  gshell run -g fast --rt 10 --cpus 0,2-3 loop.lua"
)]
pub struct Args {
    /// Group to run in [default: a new one with a name that is made up].
    #[arg(short, long, value_parser = values::group)]
    group: Option<String>,

    /// Executor threads of the group [default: the number of CPUs, at most 4].
    #[arg(long, value_name = "N", value_parser = values::threads)]
    max_threads: Option<u16>,

    /// Real-time priority of the group, 1 to 99 (SCHED_RR).
    #[arg(long, value_name = "PRIORITY", value_parser = clap::value_parser!(u8).range(1..=i64::from(RT_MAX)))]
    rt: Option<u8>,

    /// Memory that the environment may use, such as 64k, 16M or 1G.
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    mem: Option<u64>,

    /// User that the group runs as.
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Nice value of the group, -20 (favoured) to 19.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-20..=19))]
    nice: Option<i8>,

    /// CPUs that the group may use, such as 0,2-3.
    #[arg(long, value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<Cpus>,

    /// Attach this terminal: input, output, signals. Ctrl-C asks the script to stop, a second one kills it; Ctrl-P
    /// Ctrl-Q detaches.
    #[arg(short, long)]
    interactive: bool,

    /// Remove the environment as soon as it has exited for good.
    #[arg(long)]
    rm: bool,

    /// Restarts after a failure: a number, or "always".
    #[arg(long, value_name = "N|always", default_value_t = Restart::Never, value_parser = parse_restart)]
    restart: Restart,

    /// Name that the environment is listed by [default: the name of the file or folder].
    #[arg(long, value_name = "NAME", value_parser = values::target)]
    name: Option<String>,

    /// What to run, and its arguments.
    #[arg(required = true, value_names = ["PATH", "ARGS"], num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// A list of CPUs as one value: a plain list would be an option that can be given many times.
#[derive(Clone, Debug)]
struct Cpus(Vec<u16>);

fn parse_cpus(text: &str) -> Result<Cpus, String> {
    values::cpus(text).map(Cpus)
}

fn parse_restart(text: &str) -> Result<Restart, String> {
    text.parse().map_err(|error: Invalid| error.reason)
}

/// Path and arguments from the words behind the options.
pub fn split(words: &[OsString]) -> Result<(&Path, Vec<String>), Failure> {
    let Some((path, args)) = words.split_first() else {
        return Err(Failure::usage("no PATH given, see --help"));
    };
    // Options end at the path, so a dash here is an option that does not exist.
    if path.as_encoded_bytes().starts_with(b"-") {
        let path = path.to_string_lossy();
        return Err(Failure::usage(format!(
            "unexpected option {path}, see --help (a file of this name: ./{path})"
        )));
    }
    let text = |word: &OsString| {
        word.clone().into_string().map_err(|word| {
            Failure::usage(format!(
                "argument {:?} is no text in UTF-8",
                word.to_string_lossy()
            ))
        })
    };
    Ok((Path::new(path), args.iter().map(text).collect::<Result<_, _>>()?))
}

/// Starts the environment; with `-i`, ends as it does.
pub fn run(global: &Global, args: Args) -> Outcome {
    let (path, words) = split(&args.command)?;
    let Packed { package, name } = pack::pack(path)?;
    let name = args.name.clone().unwrap_or(name);
    Job::check_request(&name, &words)?;
    let spec = spec(global, &args)?;
    let (cols, rows) = if args.interactive {
        attach::window()
    } else {
        (0, 0)
    };
    let request = Run {
        group: args.group,
        spec,
        package,
        name,
        args: words,
        restart: args.restart,
        auto_remove: args.rm,
        memory: args.mem.unwrap_or(0),
        interactive: args.interactive,
        rows,
        cols,
    };
    let mut link = Link::open(global, Absent::Start)?;
    let started: Started = link.call(&format!("cannot run {}", path.display()), &request, SLOW)?;
    output::warn_all(&started.warnings);
    if args.interactive {
        return attach::attach(&attach::Place::of(started));
    }
    match global.json {
        true => output::json(&serde_json::json!({ "id": started.id, "group": started.group }))?,
        false => drop(output::print(&format!("{}\n", started.id))?),
    }
    Ok(Status::Ok)
}

fn spec(global: &Global, args: &Args) -> Result<GroupSpec, Failure> {
    if let Some(user) = &args.user {
        user::lookup(user).map_err(|error| Failure::io(&format!("cannot run as user {user}"), &error))?;
    }
    let spec = GroupSpec {
        max_threads: args.max_threads.unwrap_or(0),
        rt: args.rt.unwrap_or(0),
        nice: args.nice.unwrap_or(0),
        cpus: args.cpus.clone().map(|cpus| cpus.0).unwrap_or_default(),
        user: args.user.clone(),
        log_level: global.log_level,
        ..GroupSpec::default()
    };
    spec.check()?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Wrapper {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        Wrapper::try_parse_from(std::iter::once(&"run").chain(words)).map(|wrapper| wrapper.args)
    }

    #[test]
    fn what_follows_the_path_is_the_scripts() {
        let all = ["a.lua", "-i", "--rm", "--", "-n", "1", "--help", "--mem=x", "-g"];
        let args = parse(&all).unwrap();
        assert!(!args.interactive && !args.rm);
        let (path, words) = split(&args.command).unwrap();
        assert_eq!(path, Path::new("a.lua"));
        assert_eq!(words, all[1..]);
    }

    #[test]
    fn options_go_before_the_path() {
        let words = [
            "-i",
            "--rm",
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
            "--restart",
            "3",
            "--max-threads",
            "2",
            "a.lua",
            "x",
        ];
        let args = parse(&words).unwrap();
        assert!(args.interactive && args.rm);
        assert_eq!(
            (args.group.as_deref(), args.rt, args.nice),
            (Some("web"), Some(5), Some(-3))
        );
        assert_eq!(
            (args.mem, args.restart, args.max_threads),
            (Some(16 << 20), Restart::Times(3), Some(2))
        );
        assert_eq!(args.cpus.unwrap().0, [0, 2, 3]);
        assert_eq!(split(&args.command).unwrap().1, ["x"]);
        assert_eq!(
            parse(&["--restart", "always", "a"]).unwrap().restart,
            Restart::Always
        );
    }

    #[test]
    fn bad_values_are_told() {
        for (words, said) in [
            (vec!["-g", "a_b", "x"], "'_'"),
            (vec!["--rt", "100", "x"], "1..=99"),
            (vec!["--rt", "0", "x"], "1..=99"),
            (vec!["--nice", "20", "x"], "-20..=19"),
            (vec!["--mem", "lots", "x"], "as in 64k"),
            (vec!["--restart", "-1", "x"], "always"),
            (vec!["--cpus", "9-1", "x"], "as in 0,2-3"),
            (vec!["--max-threads", "0", "x"], "1 to 256"),
            (vec![], "PATH"),
        ] {
            let error = parse(&words).unwrap_err().to_string();
            assert!(error.contains(said), "{words:?}: {error}");
        }
    }

    #[test]
    fn unknown_options_are_no_paths() {
        let args = parse(&["--bogus", "a.lua"]).unwrap();
        let failure = split(&args.command).unwrap_err();
        assert!(
            failure.status == Status::Usage && failure.text.contains("--bogus"),
            "{failure}"
        );
    }
}
