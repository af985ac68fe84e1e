//! All counts and sizes: a table and a chart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::chart::{self, Line, Panel};
use crate::options::{Caller, Options, Scope};
use crate::run::{self, Outcome};

/// Streams on the connection.
const COUNTS: [u32; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Bytes of the payload.
const SIZES: [u32; 7] = [32, 128, 512, 2048, 8192, 32_768, 131_072];
/// In this order.
const SCOPES: [Scope; 3] = [Scope::Process, Scope::Os, Scope::Tcp];

/// One cell of the table.
struct Cell {
    scope: Scope,
    size: u32,
    streams: u32,
    outcome: Outcome,
}

/// Measures everything with the time, direction and placement of `options`, and writes `asbench.md` and `asbench.svg`
/// into `out`. Progress goes to standard error.
///
/// # Errors
/// A text: what failed in which measurement, or which file cannot be written.
pub fn run(options: &Options, out: &Path) -> Result<(), String> {
    let mut cells = Vec::new();
    let all = SCOPES.len() * SIZES.len() * COUNTS.len();
    for scope in SCOPES {
        for size in SIZES {
            for streams in COUNTS {
                let one = Options {
                    scope,
                    size,
                    streams,
                    caller: Caller::Native,
                    threads: false,
                    ..options.clone()
                };
                eprint!(
                    "\r{}/{all} {} {size} bytes, {streams} streams      ",
                    cells.len() + 1,
                    scope.name()
                );
                let outcome = run::measure(&one)
                    .map_err(|error| format!("{} {size} B x {streams}: {error}", scope.name()))?;
                cells.push(Cell {
                    scope,
                    size,
                    streams,
                    outcome,
                });
            }
        }
    }
    eprintln!();
    write(&out.join("asbench.md"), &table(&cells, options))?;
    write(&out.join("asbench.svg"), &chart::svg(&panels(&cells)))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// One table a scope; a cell is transactions per second and, in brackets, the ratio to raw.
fn table(cells: &[Cell], options: &Options) -> String {
    let mut text = format!(
        "{}, {} s a measurement, {}: transactions per second, and as a multiple of a raw ping-pong of the same sizes.\n",
        options.direction.name(),
        options.time.as_secs_f64(),
        if options.pinned {
            "everything on one CPU"
        } else {
            "placed by the kernel"
        }
    );
    for scope in SCOPES {
        let _ = write!(text, "\n### {}\n\n| bytes |", scope.name());
        COUNTS.iter().for_each(|count| {
            let _ = write!(text, " {count} |");
        });
        text.push_str("\n| ---: |");
        text.push_str(&" ---: |".repeat(COUNTS.len()));
        for size in SIZES {
            let _ = write!(text, "\n| {size} |");
            for cell in cells
                .iter()
                .filter(|cell| cell.scope == scope && cell.size == size)
            {
                let outcome = &cell.outcome;
                let _ = write!(text, " {:.0} ({:.2}) |", outcome.gshell.tps, outcome.ratio());
            }
        }
        text.push('\n');
    }
    text
}

fn panels(cells: &[Cell]) -> Vec<Panel> {
    SCOPES
        .iter()
        .map(|scope| Panel {
            title: format!("scope {}", scope.name()),
            lines: SIZES
                .iter()
                .map(|size| Line {
                    label: format!("{size} B"),
                    points: cells
                        .iter()
                        .filter(|cell| cell.scope == *scope && cell.size == *size)
                        .map(|cell| (f64::from(cell.streams), cell.outcome.gshell.tps))
                        .collect(),
                })
                .collect(),
        })
        .collect()
}
