//! What the crash matrix may expect: the wishes that were acknowledged, and those whose answer got lost.

use std::collections::BTreeMap;

use gshell_tests::node::is_id;
use gshell_tests::rng::Rng;
use gshell_tests::{Job, Out};

/// Runs until it is stopped.
const SLEEPS: &str = "local gshell = require 'gshell' while true do gshell.sleep(60) end";
/// Ends at once.
const RETURNS: &str = "print 'done'";
/// Fails at once.
const FAILS: &str = "error 'on purpose'";

/// One command.
pub enum Wish {
    /// `run -g GROUP` of a script with this text.
    Run { group: &'static str, text: &'static str },
    /// `stop ID`.
    Stop(String),
    /// `start ID`.
    Start(String),
    /// `rm ID`.
    Remove(String),
}

/// Where an environment should end up.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Should {
    Run,
    BeExited,
    BeGone,
    /// A command about it did not answer: it may have been carried out or not.
    BeAnywhere,
    /// Like that, after a removal.
    BeAnywhereOrGone,
}

/// The environments that were acknowledged.
#[derive(Default)]
pub struct Model {
    jobs: BTreeMap<String, (&'static str, Should)>,
    history: BTreeMap<String, Vec<String>>,
    lost: u32,
}

impl Model {
    /// The next command: more runs than removals, so that there is something to lose.
    pub fn next(&self, rng: &mut Rng, groups: &[&'static str]) -> Wish {
        let present =
            |(id, (_, should)): (&String, &(&str, Should))| (*should != Should::BeGone).then(|| id.clone());
        let ids: Vec<String> = self.jobs.iter().filter_map(present).collect();
        let what = if ids.is_empty() { 0 } else { rng.below(10) };
        match what {
            0..=3 => {
                let text = *rng.pick(&[SLEEPS, SLEEPS, RETURNS, FAILS]);
                Wish::Run {
                    group: groups[rng.below(groups.len() as u32) as usize],
                    text,
                }
            }
            4..=6 => Wish::Stop(rng.pick(&ids).clone()),
            7 => Wish::Start(rng.pick(&ids).clone()),
            _ => Wish::Remove(rng.pick(&ids).clone()),
        }
    }

    /// Takes down what came of a command.
    pub fn note(&mut self, wish: Wish, out: &Out) {
        let answered = out.code == Some(0);
        self.lost += u32::from(!answered);
        match wish {
            Wish::Run { text, .. } => {
                let id = out.stdout.trim();
                if is_id(id) {
                    self.jobs.insert(
                        id.to_owned(),
                        (
                            text,
                            if text == SLEEPS {
                                Should::Run
                            } else {
                                Should::BeExited
                            },
                        ),
                    );
                } else {
                    assert!(!answered, "run succeeded without an ID: {out:?}");
                }
            }
            Wish::Stop(id) => self.change(&id, answered, out, |_| Should::BeExited),
            Wish::Start(id) => {
                self.change(&id, answered, out, |text| {
                    if text == SLEEPS {
                        Should::Run
                    } else {
                        Should::BeExited
                    }
                });
            }
            Wish::Remove(id) => self.change(&id, answered, out, |_| Should::BeGone),
        }
    }

    /// What was asked of an environment and how it ended, for the message of a failure.
    fn remember(&mut self, id: &str, out: &Out) {
        let asked = out.line.rsplit("gshell\"").next().unwrap_or_default();
        let line = format!(
            "{asked}: {:?} {}{}",
            out.code,
            out.stdout.trim(),
            out.stderr.trim()
        );
        self.history.entry(id.to_owned()).or_default().push(line);
    }

    fn change(&mut self, id: &str, answered: bool, out: &Out, to: impl Fn(&str) -> Should) {
        self.remember(id, out);
        let Some((text, should)) = self.jobs.get_mut(id) else {
            return;
        };
        let wished = to(text);
        // Refused and not found are answers too, and nothing was changed. A group that went away in the middle may have
        // done it or not.
        let went_away = ["connection lost", "does not answer"]
            .iter()
            .any(|words| out.stderr.contains(words));
        let refused = matches!(out.code, Some(3 | 5)) && !went_away;
        *should = match (*should, wished, answered) {
            (before, _, false) if refused => before,
            (_, wished, true) => wished,
            (Should::BeAnywhereOrGone, ..) | (_, Should::BeGone, false) => Should::BeAnywhereOrGone,
            (..) => Should::BeAnywhere,
        };
    }

    /// What is not as it was promised.
    pub fn broken(&self, listed: &[Job]) -> Vec<String> {
        let mut broken = Vec::new();
        for (id, (text, should)) in &self.jobs {
            let job = listed.iter().find(|job| job.id == *id);
            let state = job.map(|job| job.state.as_str());
            let fine = match should {
                Should::Run => state == Some("running"),
                Should::BeExited => state == Some("exited"),
                Should::BeGone => state.is_none(),
                Should::BeAnywhere => matches!(state, Some("running" | "exited")),
                Should::BeAnywhereOrGone => !matches!(state, Some("starting" | "stopping" | "backoff")),
            };
            if !fine {
                broken.push(format!(
                    "{id} ({text}) should {should:?}: {job:?}; {:#?}",
                    self.history.get(id)
                ));
            }
        }
        let mut ids: Vec<&str> = listed.iter().map(|job| job.id.as_str()).collect();
        ids.sort_unstable();
        broken.extend(
            ids.windows(2)
                .filter(|pair| pair[0] == pair[1])
                .map(|pair| format!("{} twice", pair[0])),
        );
        broken
    }

    /// How it went, for the test's output.
    pub fn summary(&self) -> String {
        format!(
            "{} environments acknowledged, {} commands not answered",
            self.jobs.len(),
            self.lost
        )
    }
}
