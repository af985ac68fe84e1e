//! `Act`: stop, start, restart, remove, kill environments by pattern.

use std::rc::Rc;
use std::time::Duration;

use gshell_control::limits::{GROUP_START, KILL_WAIT, PATTERNS, STOP_GRACE};
use gshell_control::messages::daemon::{Act, Acted, Action, Done, Refused};
use gshell_control::messages::groups::{Command, Commanded, EnvAction};
use gshell_control::{Desired, Exit, GroupName, Job, State};
use gshell_group::note;
use gshell_group::store::Store;
use gshell_service::rt;
use gshell_supervise::Stage;
use gshell_sys::signal::SIGKILL;
use gshell_sys::{clock, process};
use gshell_wire::{Code, Fault};

use super::Node;
use super::group::Group;

/// Time for an answer beyond what the action itself may take.
const MARGIN: Duration = Duration::from_secs(1);
/// Time for a group to be there again without the environment that could not be stopped.
const WITHOUT: Duration = Duration::from_secs(10);

/// Time for a group that died to be back with its records.
const COMES_BACK: Duration = Duration::from_secs(3);

/// Whether a group is meant by a name, a full name, or a pattern of either.
pub fn is_group(pattern: &str, name: &GroupName) -> bool {
    gshell_wire::matches(pattern, name.name()) || gshell_wire::matches(pattern, &name.to_string())
}

/// Every environment that the request means, with its group.
pub fn select(node: &Node, patterns: &[String], group: Option<&str>) -> Vec<(Rc<Group>, Job)> {
    let groups: Vec<_> = node.groups.borrow().values().cloned().collect();
    let mut found = Vec::new();
    for candidate in groups {
        if group.is_some_and(|pattern| !is_group(pattern, &candidate.name)) {
            continue;
        }
        for job in candidate.jobs_now() {
            if patterns.is_empty() || patterns.iter().any(|pattern| job.matches(pattern)) {
                found.push((candidate.clone(), job));
            }
        }
    }
    // The newest first; the ID settles ties, so that the order is the same each time.
    gshell_small::sort_by(&mut found, |(_, a), (_, b)| {
        (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id))
    });
    found
}

/// Does what was asked to every environment that matches, all at the same time.
pub async fn act(node: Rc<Node>, request: Act) -> Result<Acted, Fault> {
    if request.patterns.is_empty() || request.patterns.len() > PATTERNS as usize {
        return Err(Fault::new(
            Code::Invalid,
            format!("between 1 and {PATTERNS} IDs or names are needed"),
        ));
    }
    node.settled().await;
    let selected = select(&node, &request.patterns, request.group.as_deref());
    let unmatched = request
        .patterns
        .iter()
        .filter(|pattern| !selected.iter().any(|(_, job)| job.matches(pattern)))
        .cloned()
        .collect();
    let tasks: Vec<_> = selected
        .into_iter()
        .filter(|(_, job)| meant(job, &request))
        .map(|(group, job)| {
            let (node, action, force) = (node.clone(), request.action, request.force);
            let work = rt::join({
                let (group, job) = (group.clone(), job.clone());
                async move { one(&node, &group, &job, action, force).await }
            });
            (group, job, work)
        })
        .collect();
    let mut acted = Acted {
        unmatched,
        ..Acted::default()
    };
    for (group, job, work) in tasks {
        match work.await {
            Ok(outcome) => {
                acted.done.push(Done {
                    id: job.id,
                    name: job.name,
                    group: group.name.to_string(),
                    outcome,
                });
            }
            Err(fault) => acted.refused.push(Refused {
                id: job.id,
                name: job.name,
                reason: fault.to_string(),
                code: fault.code,
            }),
        }
    }
    Ok(acted)
}

/// Whether the action makes sense for an environment that only a wildcard means: `stop '*'` is about those that run.
/// One that is named is told why not.
fn meant(job: &Job, request: &Act) -> bool {
    let named = request
        .patterns
        .iter()
        .any(|pattern| !pattern.contains('*') && job.matches(pattern));
    let active = job.state.is_active();
    named
        || match request.action {
            Action::Stop | Action::Kill => active,
            Action::Start => !active,
            Action::Remove => !active || request.force,
            Action::Restart => true,
        }
}

async fn one(
    node: &Rc<Node>,
    group: &Rc<Group>,
    job: &Job,
    action: Action,
    force: bool,
) -> Result<String, Fault> {
    if action == Action::Remove && force && job.state.is_active() {
        end(node, group, job, EnvAction::Kill).await?;
    }
    match action {
        Action::Stop => {
            end(
                node,
                group,
                job,
                EnvAction::Stop {
                    grace_ms: STOP_GRACE.as_millis() as u32,
                },
            )
            .await
        }
        Action::Kill => end(node, group, job, EnvAction::Kill).await,
        Action::Start => command(node, group, job, EnvAction::Start, GROUP_START).await,
        Action::Restart => restart(node, group, job).await,
        Action::Remove => remove(node, group, job).await,
    }
}

/// Sends a command to the environment's group, which is started for it if need be.
async fn command(
    node: &Rc<Node>,
    group: &Rc<Group>,
    job: &Job,
    action: EnvAction,
    limit: Duration,
) -> Result<String, Fault> {
    group.pending.set(group.pending.get() + 1);
    let result = match send(node, group, job, action, limit).await {
        Err(fault) if matches!(fault.code(), Some(Code::Unreachable | Code::Stopped)) => {
            again(node, group, job, action, limit, fault).await
        }
        other => other,
    };
    group.pending.set(group.pending.get().saturating_sub(1));
    node.update(group);
    result
}

async fn send(
    node: &Rc<Node>,
    group: &Rc<Group>,
    job: &Job,
    action: EnvAction,
    limit: Duration,
) -> Result<String, Fault> {
    let link = node.ensure_link(group, GROUP_START).await?;
    let request = Command {
        id: job.id.clone(),
        action,
    };
    match rt::timeout(limit, link.call::<_, Commanded>(request)).await {
        Some(answer) => answer.map(|commanded| commanded.outcome),
        None => Err(Fault::new(
            Code::Timeout,
            format!("group {} does not answer", group.name),
        )),
    }
}

/// The group died with its answer. When it is back it is asked again, and what it then refuses because it is so already
/// was done before.
async fn again(
    node: &Rc<Node>,
    group: &Rc<Group>,
    job: &Job,
    action: EnvAction,
    limit: Duration,
    fault: Fault,
) -> Result<String, Fault> {
    let syncs = group.syncs.get();
    node.update(group);
    if !group.until(COMES_BACK, |group| group.syncs.get() != syncs).await {
        return Err(fault);
    }
    let done = match action {
        EnvAction::Remove => "removed",
        EnvAction::Stop { .. } => "stopped",
        EnvAction::Kill => "killed",
        EnvAction::Start => "started",
        EnvAction::Restart => "restarted",
    };
    match send(node, group, job, action, limit).await {
        Err(fault) if fault.code() == Some(Code::State) => Ok(done.to_owned()),
        Err(fault) if fault.code() == Some(Code::NotFound) && action == EnvAction::Remove => {
            Ok(done.to_owned())
        }
        other => other,
    }
}

/// Ends a run. One that cannot be ended goes with its group, which comes back without it.
async fn end(node: &Rc<Node>, group: &Rc<Group>, job: &Job, action: EnvAction) -> Result<String, Fault> {
    if !job.state.is_active() {
        return Err(Fault::new(
            Code::State,
            format!("not running: it is {}", job.status()),
        ));
    }
    if group.link().is_none() {
        return end_on_disk(node, group, job);
    }
    let grace = match action {
        EnvAction::Stop { grace_ms } => Duration::from_millis(grace_ms.into()),
        _ => Duration::ZERO,
    };
    match command(node, group, job, action, grace + KILL_WAIT + MARGIN).await {
        // A disk that is slow to take the record of its end: it has ended all the same.
        Err(fault) if fault.code() == Some(Code::Timeout) && has_ended(group, &job.id) => {
            Ok("stopped".to_owned())
        }
        Err(fault) if fault.code() == Some(Code::Timeout) => go_on_without(node, group, job).await,
        other => other,
    }
}

fn has_ended(group: &Group, id: &str) -> bool {
    group
        .jobs
        .borrow()
        .get(id)
        .is_none_or(|seen| !seen.job.state.is_active())
}

/// Kills the group's process, which starts again without this environment.
async fn go_on_without(node: &Rc<Node>, group: &Rc<Group>, job: &Job) -> Result<String, Fault> {
    let Some(pid) = group.pid() else {
        return end_on_disk(node, group, job);
    };
    node.log.warn(&format!(
        "group {}: {} does not end: restarting the group without it",
        group.name, job.id
    ));
    let path = note::path(&node.run_dir, &group.name.to_string());
    let left = note::unstoppable(&job.id)
        .ok_or_else(|| Fault::new(Code::Invalid, format!("{:?} is no ID of an environment", job.id)))?;
    note::write(&path, &left).map_err(|error| {
        Fault::new(Code::Storage, format!("cannot write {}", path.display())).with_cause(error.to_string())
    })?;
    // First, so that a group in which nothing else runs is not wanted any more when its process goes.
    note_killed(group, &job.id, &note::text(&left));
    node.update(group);
    let _ = process::kill(pid, SIGKILL);
    let syncs = group.syncs.get();
    let ended = |group: &Group| group.syncs.get() != syncs && has_ended(group, &job.id);
    // With nothing else to run the group does not come back; its record is put right here.
    if !group.until(MARGIN, |group| group.pid() != Some(pid)).await {
        return Err(Fault::new(
            Code::Internal,
            format!("process {pid} of group {} does not end", group.name),
        ));
    }
    if group.stage() == Stage::Idle {
        let _ = note::take(&path);
        note_killed(group, &job.id, &note::text(&left));
        save(node, group, &job.id)?;
        node.update(group);
    } else {
        group.until(WITHOUT, ended).await;
    }
    Ok("killed".to_owned())
}

/// Marks an environment that this daemon ended together with its group.
fn note_killed(group: &Group, id: &str, error: &str) {
    if let Some(seen) = group.jobs.borrow_mut().get_mut(id) {
        seen.job.error = Some(error.to_owned());
        seen.job.ended(
            clock::wall_ms(),
            seen.job.duration_ms,
            Exit::Killed,
            String::new(),
        );
    }
}

/// Its group has no process (it waits to be started again): what was to run rests from now on.
fn end_on_disk(node: &Rc<Node>, group: &Rc<Group>, job: &Job) -> Result<String, Fault> {
    let changed = {
        let mut jobs = group.jobs.borrow_mut();
        jobs.get_mut(&job.id).map(|seen| {
            seen.job.error = Some("stopped while its group was down".to_owned());
            seen.job.ended(
                clock::wall_ms(),
                seen.job.duration_ms,
                Exit::Killed,
                String::new(),
            );
        })
    };
    if changed.is_none() {
        return Err(Fault::new(Code::NotFound, format!("{} is gone", job.id)));
    }
    save(node, group, &job.id)?;
    node.update(group);
    Ok("stopped".to_owned())
}

fn save(node: &Node, group: &Group, id: &str) -> Result<(), Fault> {
    let Some(state) = node.state_dir() else {
        return Ok(());
    };
    let Some(job) = group.jobs.borrow().get(id).map(|seen| seen.job.clone()) else {
        return Ok(());
    };
    debug_assert_eq!(job.desired, Desired::Rest);
    let saved = Store::open(&state, &group.name.to_string()).and_then(|store| store.save(&job));
    saved
        .map(drop)
        .map_err(|error| Fault::new(Code::Storage, error.to_string()))
}

async fn restart(node: &Rc<Node>, group: &Rc<Group>, job: &Job) -> Result<String, Fault> {
    let limit = STOP_GRACE + KILL_WAIT + MARGIN;
    match command(node, group, job, EnvAction::Restart, limit).await {
        Err(fault) if fault.code() == Some(Code::Timeout) => {
            go_on_without(node, group, job).await?;
            command(node, group, job, EnvAction::Start, limit)
                .await
                .map(|_| "restarted".to_owned())
        }
        other => other,
    }
}

async fn remove(node: &Rc<Node>, group: &Rc<Group>, job: &Job) -> Result<String, Fault> {
    let now = group.jobs.borrow().get(&job.id).map(|seen| seen.job.state);
    if now.is_some_and(State::is_active) {
        let text = format!("it is {}: stop it first (gshell stop), or use -f", job.state);
        return Err(Fault::new(Code::State, text));
    }
    if now.is_none() {
        // It was to be removed when it ended, and has.
        return Ok("removed".to_owned());
    }
    if group.link().is_some() {
        let outcome = match command(node, group, job, EnvAction::Remove, GROUP_START).await {
            Err(fault) if fault.code() == Some(Code::NotFound) => "removed".to_owned(),
            other => other?,
        };
        group.jobs.borrow_mut().remove(&job.id);
        node.collect_packages();
        node.update(group);
        return Ok(outcome);
    }
    let name = group.name.to_string();
    if let Some(state) = node.state_dir() {
        Store::at(&state, &name)
            .and_then(|store| store.remove(&job.id))
            .map_err(|error| Fault::new(Code::Storage, error.to_string()))?;
    }
    let _ = gshell_group::logs::remove(&gshell_group::logs_dir(&node.run_dir, &name), &job.id);
    group.jobs.borrow_mut().remove(&job.id);
    node.collect_packages();
    node.update(group);
    Ok("removed".to_owned())
}
