//! Transactions per second of gshell's messages, beside a raw ping-pong over a unix socket in the same run.

mod chart;
mod figures;
mod lua;
mod matrix;
mod native;
mod options;
mod other;
mod raw;
mod run;

use std::path::Path;
use std::process::ExitCode;

use options::{Options, Request};
use run::Outcome;

fn main() -> ExitCode {
    let done = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Request::Measure(options)) => run::measure(&options).map(|outcome| print(&options, &outcome)),
        Ok(Request::Matrix(options, out)) => matrix::run(&options, Path::new(&out)),
        Ok(Request::Role(role, words)) => play(&role, &words),
        Err(error) => {
            eprintln!("asbench: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("asbench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// This process as the other end of a measurement.
fn play(role: &str, words: &[String]) -> Result<(), String> {
    // Goes with its starter, however that ends.
    gshell_sys::fork::set_parent_death_signal(9).map_err(|error| error.to_string())?;
    match (role, words) {
        ("raw", [path, request, reply]) => {
            let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
            raw::serve(Path::new(path), number(request)?, number(reply)?).map_err(|error| error.to_string())
        }
        ("os", [folder]) => native::serve_os(Path::new(folder)),
        ("tcp", []) => native::serve_tcp(),
        _ => Err(format!("there is no role {role} {}", words.join(" "))),
    }
}

fn print(options: &Options, outcome: &Outcome) {
    let figures = &outcome.gshell;
    if options.json {
        let object = serde_json::json!({
            "scope": options.scope.name(),
            "type": options.direction.name(),
            "streams": options.streams,
            "size": options.size,
            "pinned": options.pinned,
            "calls": figures.calls,
            "tps": figures.tps,
            "p50_us": figures.p50_us,
            "p99_us": figures.p99_us,
            "raw_tps": outcome.raw_tps(),
            "raw_before_tps": outcome.raw[0].tps,
            "raw_after_tps": outcome.raw[1].tps,
            "raw_p50_us": outcome.raw_p50(),
            "raw_p99_us": outcome.raw[0].p99_us,
            "ratio": outcome.ratio(),
        });
        println!("{object}");
        return;
    }
    println!("Transaction Per Second(TPS): {:12.2}", figures.tps);
    println!("p50 {:.1} us, p99 {:.1} us", figures.p50_us, figures.p99_us);
    println!(
        "raw ping-pong: {:.0} before, {:.0} after, p50 {:.1} us; ratio {:.2}",
        outcome.raw[0].tps,
        outcome.raw[1].tps,
        outcome.raw_p50(),
        outcome.ratio()
    );
}
