//! Peers that behave badly, beside a client that does not: what they cost it, and the server.

mod peers;
mod services;

use std::process::{Child, Stdio};
use std::time::Duration;

use gshell_service::{Client, rt};
use gshell_sys::sched;
use gshell_wire::Fault;

pub use self::peers::peer;
pub use self::services::{liar, silent};
use crate::good::{median, rate};
use crate::process::{Folder, ServerProcess, memory_kb, own, quiet, stats};

/// How long calls are counted, without the peer and with it.
const WINDOW: Duration = Duration::from_millis(600);
/// Comparisons of which the middle one counts.
const PAIRS: usize = 5;
/// Times that all of this is tried: another process of the machine may have had the processor.
const TRIES: usize = 4;
/// What has to be left of the good client's calls.
const LEAST: f64 = 0.8;
/// Memory that a peer may cost the server at most, in kB. Two megabytes of output for a connection that does not read
/// is the largest: 32 of them come to 64 MB.
const MOST_KB: u32 = 80 << 10;
/// Longer than the time for a hello.
const AFTER_HELLO: Duration = Duration::from_millis(6500);

/// The processors: the server and the good client have one, bad peers the other, so that what is compared is what they
/// cost the server and not what one more process costs a machine.
struct Places {
    apart: Option<String>,
}

impl Places {
    fn take() -> Places {
        let cpus = sched::affinity().unwrap_or_default();
        let apart = match cpus[..] {
            [first, .., last] => sched::set_affinity(&[first]).ok().map(|()| last.to_string()),
            _ => None,
        };
        Places { apart }
    }

    /// A process of this program, apart from the server.
    fn start(&self, words: &[&str]) -> Result<Child, Fault> {
        let cpu = self.apart.as_deref().unwrap_or("");
        let mut given = vec!["apart", cpu];
        given.extend(words);
        let mut command = own(&given)?;
        // It ends with its input, so never without this process.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().map_err(|error| crate::failed("no peer", error))
    }
}

/// A bad peer or service; killed when this is dropped.
struct Bad(Child);

impl Drop for Bad {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was found of one kind.
struct Found {
    ratio: f64,
    alone: f64,
    beside: f64,
    most_kb: u32,
}

/// Compares the good client's calls beside a peer of this kind with those beside a process that does nothing, `PAIRS`
/// times: that there is one more process at all changes what a machine does.
async fn compare(
    server: &ServerProcess,
    good: &Client,
    start: &dyn Fn(&str) -> Result<Bad, Fault>,
    kind: &str,
) -> Result<Found, Fault> {
    let (mut alone, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut most_kb = 0;
    let base = memory_kb(server.pid(), "Private_Dirty");
    for _ in 0..PAIRS {
        let nothing = start("nothing")?;
        let without = rate(good, WINDOW).await?;
        drop(nothing);
        let bad = start(kind)?;
        let with = rate(good, WINDOW).await?;
        most_kb = most_kb.max(memory_kb(server.pid(), "Private_Dirty").saturating_sub(base));
        drop(bad);
        quiet(server, good, u32::MAX).await?;
        alone.push(without);
        beside.push(with);
        ratios.push(with / without);
    }
    Ok(Found {
        ratio: median(ratios),
        alone: median(alone),
        beside: median(beside),
        most_kb,
    })
}

/// Compares until it is well, a few times at most.
async fn judge(
    server: &ServerProcess,
    good: &Client,
    start: &dyn Fn(&str) -> Result<Bad, Fault>,
    (kind, what): (&str, &str),
) -> Result<(), Fault> {
    let mut found = compare(server, good, start, kind).await?;
    for _ in 1..TRIES {
        if found.ratio >= LEAST {
            break;
        }
        println!("  again: {:.2}", found.ratio);
        found = compare(server, good, start, kind).await?;
    }
    let Found {
        ratio,
        alone,
        beside,
        most_kb,
    } = found;
    println!("{what:<48} {alone:>8.0}/s {beside:>8.0}/s {ratio:>6.2} {most_kb:>8} kB");
    if ratio < LEAST {
        return Err(crate::failed(
            what,
            format!("the good client has {ratio:.2} of its calls left"),
        ));
    }
    if most_kb > MOST_KB {
        return Err(crate::failed(what, format!("it costs {most_kb} kB")));
    }
    Ok(())
}

/// Whether what the peers did was counted.
async fn counted(server: &ServerProcess, good: &Client, places: &Places) -> Result<(), Fault> {
    let before = stats(good).await?;
    let path = server.socket(0).display().to_string();
    let slow = Bad(places.start(&["bad-peer", "bytes", &path])?);
    rt::sleep(AFTER_HELLO).await;
    let after = stats(good).await?;
    let late = after.faulted - before.faulted;
    println!("late hellos: {late} connections of 16 were cut off and counted");
    if late < 16 {
        return Err(crate::failed("late hellos", "they are not all cut off in time"));
    }
    drop(slow);
    let lies = Bad(places.start(&["bad-peer", "lies", &path])?);
    rt::sleep(WINDOW).await;
    let last = stats(good).await?;
    drop(lies);
    let errors = |figures: &gshell_service::builtin::messages::StatsFigures| -> u32 {
        figures.messages.iter().map(|one| one.errors).sum()
    };
    let (faulted, failed) = (last.faulted - after.faulted, errors(&last) - errors(&after));
    println!("lies: {faulted} connections cut off, {failed} requests refused, all counted");
    if faulted == 0 || failed == 0 {
        return Err(crate::failed("lies", "they are not counted"));
    }
    quiet(server, good, u32::MAX).await.map(drop)
}

/// Runs all of it.
///
/// # Errors
/// When a peer costs more than it may.
pub async fn run() -> Result<(), Fault> {
    let places = Places::take();
    let folder = Folder::new()?;
    let server = ServerProcess::start(&folder, &["soak"])?;
    let good = server.connect()?;
    let path = server.socket(0).display().to_string();
    rate(&good, WINDOW).await?;
    println!(
        "{:<48} {:>10} {:>10} {:>6} {:>11}",
        "", "alone", "beside", "ratio", "memory"
    );
    let start = |kind: &str| places.start(&["bad-peer", kind, &path]).map(Bad);
    for kind in peers::KINDS {
        judge(&server, &good, &start, kind).await?;
    }
    counted(&server, &good, &places).await?;
    services::run(&folder, &places, &good).await?;
    println!("bad peers passed");
    Ok(())
}
