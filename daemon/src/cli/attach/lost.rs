//! What became of an environment whose group went while a terminal was attached to it: the node knows.

use std::thread::sleep;
use std::time::{Duration, Instant};

use gshell_control::messages::attach::Finished;
use gshell_control::messages::daemon::{GroupList, Groups, Locate, Located};
use gshell_control::{Exit, GroupInfo, Job, State};

use super::super::failure::{Failure, Outcome};
use super::super::link::{Absent, Global, Link, QUICK};
use super::super::output;
use super::Place;
use crate::exit_codes::Status;

/// How long the node may take to notice that the group has gone, and to start it again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(10);

/// What the node says.
enum Became {
    /// It has ended, and that is how.
    Ended(Box<Job>),
    /// It runs again, in a new process of its group.
    Again,
    /// Nobody has it; the text is how the group's process ended.
    Forgotten(String),
}

/// Waits until the node knows what follows, and tells it. The status is the environment's, if it has ended.
pub fn outcome(global: &Global, place: &Place, fault: &str) -> Outcome {
    let gone = format!("group {} is gone ({fault})", place.group);
    match became(global, place) {
        Some(Became::Ended(job)) => {
            output::note(job.error.as_deref().unwrap_or(&gone));
            let finished = Finished {
                exit: job.exit.unwrap_or(Exit::Killed),
                code: job.code,
                signal: job.signal,
                error: None,
            };
            Ok(super::status(&finished, None))
        }
        Some(Became::Again) => Err(Failure::error(format!(
            "{gone}, and was started again: the job runs on from its start: gshell attach {}",
            place.id
        ))),
        Some(Became::Forgotten(exit)) => {
            Err(Failure::error(format!("group {} is gone: {exit}", place.group)))
        }
        None => Err(Failure::new(
            Status::Unreachable,
            format!("{gone}; see 'gshell ps {}'", place.id),
        )),
    }
}

/// `None` when the node does not know in time, or is not there itself.
fn became(global: &Global, place: &Place) -> Option<Became> {
    let mut link = Link::open(global, Absent::Fail).ok()?;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let target = place.id.clone();
        let asked = link.call("cannot ask for it", &Locate { target }, QUICK);
        let known = match asked {
            Ok(Located { job, .. }) if job.state == State::Exited => Some(Became::Ended(Box::new(job))),
            // The node may not know yet that the group has gone.
            Ok(Located { job, .. }) if job.state == State::Running && job.restarts > place.restarts => {
                Some(Became::Again)
            }
            Ok(_) => None,
            Err(failure) if failure.status == Status::NotFound => {
                let exit = find(&mut link, place).and_then(|group| group.last_exit);
                exit.map(Became::Forgotten)
            }
            Err(_) => return None,
        };
        if known.is_some() {
            return known;
        }
        sleep(PAUSE);
    }
    None
}

/// The group as the node lists it.
fn find(link: &mut Link, place: &Place) -> Option<GroupInfo> {
    let GroupList { groups } = link.call("cannot list groups", &Groups {}, QUICK).ok()?;
    groups.into_iter().find(|group| group.name == place.group)
}
