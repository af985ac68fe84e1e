//! What a group finds when it starts: its records, and what was running when it went.

use std::path::Path;
use std::rc::Rc;

use gshell_control::{Desired, Exit, Job, State};
use gshell_sys::clock;

use crate::boot::open_store;
use crate::note::Reason;
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

/// Lists what is in the records; what ran runs again, except the one that the group is to go on without.
pub(crate) fn resume(group: &Rc<Group>, jobs: Vec<Job>, left_out: Option<(String, Reason)>) {
    for job in jobs {
        let left_out = left_out
            .as_ref()
            .filter(|(id, _)| *id == job.id)
            .map(|(_, reason)| *reason);
        if let Err(fault) = resume_one(group, job, left_out) {
            group.reports.borrow_mut().push(fault.to_string());
        }
    }
}

fn resume_one(group: &Rc<Group>, mut job: Job, left_out: Option<Reason>) -> Result<(), gshell_wire::Fault> {
    let again = job.desired == Desired::Run && left_out.is_none();
    let cut_short = job.state.is_active();
    // Only the wall clock has seen both ends of a run that a killed group was in.
    let ran_ms = u64::try_from(clock::wall_ms() - job.started_ms).unwrap_or(0);
    if let Some(reason) = left_out {
        job.error = Some(reason.text().to_owned());
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
