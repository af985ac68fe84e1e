//! The choice of one among several services.

use std::time::{Duration, Instant};

use gshell_net::rt;
use gshell_sys::random;

use crate::builtin::messages::{Load, LoadFigures, Ping, Pong};
use crate::client::Client;
use crate::discover::Found;

/// Round trips that are measured for the latency.
const ROUND_TRIPS: u32 = 4;
/// Time that a candidate has to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// A method of choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// The one with the most processors for what waits in its queue.
    Capacity,
    /// The one with the shortest round trip.
    Latency,
    /// Any; that is also what happens when nothing is said.
    Random,
}

/// One that answers, with its score: higher is better.
struct Candidate {
    client: Client,
    score: f64,
}

/// Puts the entries into an order that nobody can foresee.
pub(crate) fn shuffle<T>(entries: &mut [T]) {
    for last in (1..entries.len()).rev() {
        let mut bytes = [0; 4];
        // Without random numbers the order stays as it is; it is a matter of fairness only.
        let _ = random::fill(&mut bytes);
        entries.swap(last, u32::from_le_bytes(bytes) as usize % (last + 1));
    }
}

/// A connection to the best of `found`, in a random order where the methods leave several.
pub(crate) async fn best(
    mut found: Vec<Found>,
    methods: &[Select],
    deadline: Option<Instant>,
) -> Option<Client> {
    shuffle(&mut found);
    if found.len() < 2 || methods.iter().all(|method| *method == Select::Random) {
        for found in found {
            if let Ok(client) = found.address.connect(deadline).await {
                return Some(client);
            }
        }
        return None;
    }
    let mut candidates = Vec::new();
    for found in found {
        if let Ok(client) = found.address.connect(deadline).await {
            candidates.push(Candidate { client, score: 0.0 });
        }
    }
    for method in methods {
        if *method == Select::Random {
            shuffle(&mut candidates);
        } else {
            let answers = measure(candidates, *method, deadline).await;
            candidates = answers;
            gshell_small::sort_by(&mut candidates, |a, b| b.score.total_cmp(&a.score));
        }
        candidates.truncate(candidates.len().div_ceil(2));
    }
    candidates.into_iter().next().map(|candidate| candidate.client)
}

/// Asks all at the same time; those that do not answer in time are out.
async fn measure(candidates: Vec<Candidate>, method: Select, deadline: Option<Instant>) -> Vec<Candidate> {
    let left = deadline.map_or(ANSWER, |at| {
        at.saturating_duration_since(Instant::now()).min(ANSWER)
    });
    let asked: Vec<_> = candidates
        .into_iter()
        .map(|Candidate { client, .. }| {
            rt::join(async move {
                let score = rt::timeout(left, score(&client, method)).await??;
                Some(Candidate { client, score })
            })
        })
        .collect();
    let mut answered = Vec::new();
    for task in asked {
        answered.extend(task.await);
    }
    answered
}

async fn score(client: &Client, method: Select) -> Option<f64> {
    match method {
        Select::Capacity => {
            let load: LoadFigures = client.call(Load {}).await.ok()?;
            Some(capacity(&load))
        }
        Select::Latency => {
            let began = Instant::now();
            for _ in 0..ROUND_TRIPS {
                let _: Pong = client.call(Ping {}).await.ok()?;
            }
            Some(-began.elapsed().as_secs_f64())
        }
        Select::Random => Some(0.0),
    }
}

/// Processors for each request that is handled or waits, where the workers follow the queue; a pool of a fixed size
/// comes after all of those, and the fuller it is the later.
fn capacity(load: &LoadFigures) -> f64 {
    let number = f64::from;
    if load.weight > 0 {
        let wanted = number(load.queue_len) / number(load.weight) + number(load.resident) + number(load.busy);
        return number(load.cpus) / wanted.max(f64::MIN_POSITIVE);
    }
    let workable = number(load.resident.min(load.cpus)).max(1.0);
    let idle = number(load.idle).max(f64::MIN_POSITIVE);
    -(idle + workable) / (idle * workable)
}
