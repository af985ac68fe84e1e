//! What a group finds when it starts: its records, and what was running when it went.

use std::path::Path;
use std::rc::Rc;

use gshell_control::{Desired, Exit, Job, State};
use gshell_sys::note::{Note, Reason};
use gshell_sys::{clock, process};
use gshell_wire::Fault;

use crate::boot::open_store;
use crate::note;
use crate::store::Store;
use crate::table::Group;

/// Reads the records of a group. A store that cannot be opened is reported, and tried again with each record: until one is
/// written, the environments are shown as unsaved.
pub(crate) fn load(
    state_dir: Option<&Path>,
    name: &str,
    reports: &mut Vec<String>,
) -> (Option<Store>, Vec<Job>) {
    let Some(state_dir) = state_dir else {
        return (None, Vec::new());
    };
    match open_store(state_dir, name) {
        Ok(store) => match store.load() {
            Ok(loaded) => {
                reports.extend(loaded.reports);
                (Some(store), loaded.jobs)
            }
            Err(error) => {
                reports.push(error.to_string());
                (Some(store), Vec::new())
            }
        },
        Err(error) => {
            reports.push(error.to_string());
            (Store::at(state_dir, name).ok(), Vec::new())
        }
    }
}

/// Lists what is in the records; what ran runs again, except the one that the note of the process before is about. A note about
/// one that has no record is kept for [`launched_before`].
pub(crate) fn resume(group: &Rc<Group>, jobs: Vec<Job>, left: Option<Note>) {
    let mut left = left;
    for job in jobs {
        let about = left.take_if(|left| note::environment(left) == Some(&job.id));
        if let Err(fault) = resume_one(group, job, about.as_ref()) {
            group.reports.borrow_mut().push(fault.to_string());
        }
    }
    *group.left.borrow_mut() = left;
}

/// Lists an environment whose run ended the process before this one, earlier than the disk had its record: the daemon asks for it
/// again then, and it is not run a second time by that. `false` for any other.
pub(crate) fn launched_before(group: &Rc<Group>, job: &Job) -> Result<bool, Fault> {
    let mut kept = group.left.borrow_mut();
    let Some(left) = kept.take_if(|left| note::environment(left) == Some(&job.id)) else {
        return Ok(false);
    };
    drop(kept);
    let mut job = job.clone();
    // When it began, nobody knows any more.
    job.began(clock::wall_ms(), 0);
    resume_one(group, job, Some(&left))?;
    Ok(true)
}

fn resume_one(group: &Rc<Group>, job: Job, left: Option<&Note>) -> Result<(), Fault> {
    match left {
        Some(Note {
            reason: Reason::Crash(signal),
            ..
        }) if job.desired == Desired::Run && job.state.is_active() => {
            let error = left.map(note::text);
            crashed(group, job, (*signal).into(), error)
        }
        left => go_on(group, job, left),
    }
}

/// Code that ran for this one crashed: that is how its run ended, and its policy says what follows.
fn crashed(group: &Rc<Group>, mut job: Job, signal: i32, error: Option<String>) -> Result<(), Fault> {
    let ran_ms = ran_ms(&job);
    if job.state == State::Backoff {
        // It crashed before the disk had that it was started again.
        job.restarts += 1;
    }
    job.error = error;
    job.signal = Some(process::to_generic(signal));
    job.ended(clock::wall_ms(), ran_ms, Exit::Signal, String::new());
    let line = job.error.iter().map(|error| format!("{error}\n"));
    let line: String = line.collect();
    let env = group.add(job)?;
    env.hub.write(2, line.as_bytes());
    group.ended_before(&env, Exit::Signal, ran_ms);
    Ok(())
}

/// How long a run lasted that its group did not survive: only the wall clock has seen both of its ends. Nothing when the disk
/// has no time of its start.
fn ran_ms(job: &Job) -> u64 {
    match job.started_ms {
        0 => 0,
        started => u64::try_from(clock::wall_ms() - started).unwrap_or(0),
    }
}

fn go_on(group: &Rc<Group>, mut job: Job, left_out: Option<&Note>) -> Result<(), Fault> {
    let again = job.desired == Desired::Run && left_out.is_none();
    let cut_short = job.state.is_active();
    let ran_ms = ran_ms(&job);
    if let Some(left) = left_out {
        job.error = Some(note::text(left));
        job.ended(clock::wall_ms(), ran_ms, Exit::Killed, String::new());
    } else if !again && cut_short {
        // It was being stopped when the group went: it has stopped.
        job.error = Some("it was stopping when its group ended".to_owned());
        job.ended(clock::wall_ms(), ran_ms, Exit::Killed, String::new());
    } else if again {
        job.state = State::Starting;
        // Nobody is attached to what starts again by itself, and nobody will type its input.
        job.interactive = false;
        job.restarts += 1;
    }
    job.pid = 0;
    let env = group.add(job)?;
    if again {
        group.begin(&env);
    } else if cut_short {
        group.changed(&env);
    }
    let gone = !again && env.job.borrow().auto_remove;
    if gone {
        return group.remove(&env);
    }
    Ok(())
}
