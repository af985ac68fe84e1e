//! The soak: 200 clients that come, call, stream, and are killed in the middle of it. Then the server holds what it held
//! before.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gshell_service::{Client, rt};
use gshell_wire::Fault;

use crate::client::Rng;
use crate::process::{Folder, Holds, ServerProcess, at_rest, holds, own, stats};
use crate::server::RESIDENT;

/// Clients at the same time.
const CLIENTS: usize = 200;
/// Pause between two looks at the clients.
const TICK: Duration = Duration::from_millis(50);
/// Clients that are killed at each look, at most.
const KILLS: u32 = 4;
/// How long clients come and go in a round of warming up. There are rounds until the server holds no more at rest than
/// after the one before: tables and buffers have then grown as far as they do. How soon depends on the machine: in the
/// same time, a loaded one has fewer requests at once.
const WARM_UP: Duration = Duration::from_secs(8);
/// Rounds after which a server that still grows leaks.
const WARM_UPS: usize = 15;
/// Bytes that may be allocated beside what was before, if the C library counts them. Four kilobytes were the most that
/// were seen, a table that grew late; five connections (1.6 kB) kept of the thousands that come and go in a minute are more.
const SLACK_BYTES: u64 = 8 << 10;
/// Private memory that may be there beside what was before, in kB: what lies free between blocks that live on differs by
/// the order of events.
const SLACK_KB: u32 = 768;

/// The clients of one server.
struct Crowd<'a> {
    server: &'a ServerProcess,
    clients: Vec<Child>,
    rng: Rng,
    started: u32,
    killed: u32,
    ended: u32,
    failed: u32,
}

impl Crowd<'_> {
    fn start_one(&mut self) -> Result<Child, Fault> {
        self.started += 1;
        // Every other one comes over TCP.
        let address = match self.started % 2 {
            0 => format!("tcp:{}", self.server.tcp.first().map_or("", String::as_str)),
            _ => self.server.socket(0).display().to_string(),
        };
        let seed = self.started.to_string();
        own(&["client", &address, &seed])?
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| crate::failed("no client", error))
    }

    /// Lets clients come and go for a time.
    async fn stir(&mut self, time: Duration) -> Result<(), Fault> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            while self.clients.len() < CLIENTS {
                let one = self.start_one()?;
                self.clients.push(one);
                // So that the reading of replies goes on while many are started.
                rt::yield_now().await;
            }
            for _ in 0..self.rng.below(KILLS + 1) {
                let at = self.rng.below(CLIENTS as u32) as usize;
                let mut one = self.clients.swap_remove(at.min(self.clients.len() - 1));
                // One that had ended by itself meanwhile is not counted as killed.
                self.end(&mut one);
            }
            self.reap()?;
            rt::sleep(TICK).await;
        }
        Ok(())
    }

    /// Lets clients come and go until the server has grown as far as it does; what it then holds at rest.
    async fn warm_up(&mut self, client: &Client, fresh: Holds) -> Result<Holds, Fault> {
        let mut held = fresh;
        for _ in 0..WARM_UPS {
            self.stir(WARM_UP).await?;
            self.kill_all();
            let now = at_rest(self.server, client, idle_threads(&fresh)).await?;
            if now.allocated <= held.allocated {
                return Ok(now);
            }
            held = now;
        }
        let text = format!(
            "{} bytes after {WARM_UPS} rounds, and still more with each",
            held.allocated
        );
        Err(crate::failed("memory leaked", text))
    }

    /// Kills a client as `kill -9` does.
    fn end(&mut self, one: &mut Child) {
        let _ = one.kill();
        match one.wait() {
            Ok(status) if status.success() => self.ended += 1,
            Ok(status) if status.code().is_some() => self.failed += 1,
            _ => self.killed += 1,
        }
    }

    fn reap(&mut self) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(one) = self.clients.get_mut(at) {
            match one.try_wait().map_err(|error| crate::failed("wait", error))? {
                None => at += 1,
                Some(status) => {
                    match status.success() {
                        true => self.ended += 1,
                        false => self.failed += 1,
                    }
                    // It has ended: this does not wait.
                    let _ = self.clients.swap_remove(at).wait();
                }
            }
        }
        Ok(())
    }

    /// Kills all that are left, in the middle of what they do.
    fn kill_all(&mut self) {
        for mut one in std::mem::take(&mut self.clients) {
            self.end(&mut one);
        }
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// Threads of a server in which nothing happens, at most: those that are idle end soon, but for the resident ones.
fn idle_threads(fresh: &Holds) -> u32 {
    fresh.threads + RESIDENT
}

fn seconds() -> Duration {
    let given = std::env::var("SOAK_SECONDS").ok();
    Duration::from_secs(given.and_then(|text| text.parse().ok()).unwrap_or(60))
}

fn table(rows: &[(&str, Holds)]) {
    println!(
        "{:<22} {:>10} {:>10} {:>11} {:>8} {:>11} {:>8} {:>8} {:>8}",
        "",
        "allocated",
        "memory kB",
        "descriptors",
        "threads",
        "connections",
        "streams",
        "requests",
        "handlers"
    );
    for (when, now) in rows {
        println!(
            "{when:<22} {:>10} {:>10} {:>11} {:>8} {:>11} {:>8} {:>8} {:>8}",
            now.allocated,
            now.memory_kb,
            now.descriptors,
            now.threads,
            now.connections,
            now.streams,
            now.requests,
            now.handlers
        );
    }
}

async fn summary(crowd: &Crowd<'_>, client: &Client, time: Duration) -> Result<(), Fault> {
    let stats = stats(client).await?;
    println!(
        "{} s: {} clients started, {} killed, {} ended by themselves; {} connections let in, {} refused, {} faulted",
        time.as_secs(),
        crowd.started,
        crowd.killed,
        crowd.ended,
        stats.accepted,
        stats.refused,
        stats.faulted
    );
    for one in &stats.messages {
        println!(
            "  {:<12} {:>8} calls, {:>5} errors, {:>6} cancelled, {:>5} expired, p50 {} µs, p99 {} µs",
            one.name, one.calls, one.errors, one.cancelled, one.expired, one.p50_us, one.p99_us
        );
    }
    Ok(())
}

/// Runs the soak.
///
/// # Errors
/// When something is left, or a client saw what it should not.
pub async fn run() -> Result<(), Fault> {
    let time = seconds();
    let folder = Folder::new()?;
    let server = ServerProcess::start(&folder, &["soak"])?;
    let client = server.connect()?;
    let fresh = holds(&server, &client).await?;
    let mut crowd = Crowd {
        server: &server,
        clients: Vec::new(),
        rng: Rng::new(7),
        started: 0,
        killed: 0,
        ended: 0,
        failed: 0,
    };
    let before = crowd.warm_up(&client, fresh).await?;
    crowd.stir(time).await?;
    let busy = holds(&server, &client).await?;
    crowd.kill_all();
    let after = at_rest(&server, &client, idle_threads(&fresh)).await?;
    table(&[
        ("at its start", fresh),
        ("before the soak", before),
        ("during it", busy),
        ("after it", after),
    ]);
    summary(&crowd, &client, time).await?;
    if crowd.failed > 0 {
        let text = format!("{} of them; what they said is above", crowd.failed);
        return Err(crate::failed("clients failed", text));
    }
    if crowd.killed < CLIENTS as u32 {
        return Err(crate::failed(
            "the soak did not soak",
            "too few clients were killed",
        ));
    }
    if after.descriptors > before.descriptors {
        let text = format!("{} before, {} after", before.descriptors, after.descriptors);
        return Err(crate::failed("descriptors are left", text));
    }
    if before.allocated == 0 {
        println!("this C library does not count what is allocated: only private memory was judged");
    }
    if after.allocated > before.allocated + SLACK_BYTES {
        let text = format!("{} bytes before, {} after", before.allocated, after.allocated);
        return Err(crate::failed("memory leaked", text));
    }
    if after.memory_kb > before.memory_kb + SLACK_KB {
        let text = format!("{} kB before, {} kB after", before.memory_kb, after.memory_kb);
        return Err(crate::failed("memory grew", text));
    }
    println!("soak passed: everything is as it was before");
    Ok(())
}
