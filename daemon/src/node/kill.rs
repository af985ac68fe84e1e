//! `KillGroups` and `Shutdown`: the ends of groups, and of the daemon.

use std::rc::Rc;
use std::time::Duration;

use gshell_control::limits::{KILL_WAIT, PATTERNS, STOP_GRACE};
use gshell_control::messages::daemon::{GroupsKilled, KillGroups, Refused};
use gshell_control::messages::groups::{GroupEnding, GroupShutdown};
use gshell_control::messages::node::{Shutdown, ShuttingDown};
use gshell_service::rt;
use gshell_supervise::{Event, Stage};
use gshell_sys::process;
use gshell_sys::signal::SIGKILL;
use gshell_wire::{Code, Fault};

use super::Node;
use super::act::is_group;
use super::group::Group;

/// Time for a killed process to be gone.
const GONE: Duration = Duration::from_secs(3);

/// Ends groups and forgets what is in them. When one of them may not be ended, none is.
pub async fn kill(node: Rc<Node>, request: KillGroups) -> Result<GroupsKilled, Fault> {
    if request.patterns.is_empty() || request.patterns.len() > PATTERNS as usize {
        return Err(Fault::new(
            Code::Invalid,
            format!("between 1 and {PATTERNS} groups are needed"),
        ));
    }
    node.settled().await;
    let groups: Vec<_> = node.groups.borrow().values().cloned().collect();
    let meant: Vec<_> = groups
        .into_iter()
        .filter(|group| {
            request
                .patterns
                .iter()
                .any(|pattern| is_group(pattern, &group.name))
        })
        .collect();
    let mut reply = GroupsKilled {
        unmatched: request
            .patterns
            .iter()
            .filter(|pattern| !meant.iter().any(|group| is_group(pattern, &group.name)))
            .cloned()
            .collect(),
        ..GroupsKilled::default()
    };
    if !request.force {
        reply.refused = meant.iter().filter(|group| group.active()).map(refused).collect();
        if !reply.refused.is_empty() {
            return Ok(reply);
        }
    }
    let tasks: Vec<_> = meant
        .into_iter()
        .map(|group| {
            let node = node.clone();
            let name = group.name.to_string();
            (
                name,
                rt::join(async move { end(&node, &group, request.force).await }),
            )
        })
        .collect();
    for (name, task) in tasks {
        match task.await {
            Ok(()) => reply.killed.push(name),
            Err(fault) => {
                reply.refused.push(Refused {
                    id: name.clone(),
                    name,
                    reason: fault.to_string(),
                    code: fault.code,
                });
            }
        }
    }
    Ok(reply)
}

fn refused(group: &Rc<Group>) -> Refused {
    let jobs = group.jobs_now();
    let running: Vec<_> = jobs
        .iter()
        .filter(|job| job.state.is_active())
        .map(|job| format!("{} {}", job.id, job.name))
        .collect();
    Refused {
        id: group.name.to_string(),
        name: group.name.name().to_owned(),
        reason: format!(
            "{} running: {} (stop them, or use -f)",
            running.len(),
            running.join(", ")
        ),
        code: Code::State as u16,
    }
}

/// Ends one group's process, and with it everything that is known of the group.
async fn end(node: &Rc<Node>, group: &Rc<Group>, force: bool) -> Result<(), Fault> {
    group.doomed.set(true);
    // Nothing of it is wanted any more, so the supervisor does not start it again.
    group.jobs.borrow_mut().clear();
    node.update(group);
    if force && let Some(pid) = group.pid() {
        let _ = process::kill(pid, SIGKILL);
    }
    if group.stage() != Stage::Idle {
        node.feed(group, Event::KillRequested);
    }
    let limit = STOP_GRACE + KILL_WAIT + GONE;
    if !group.until(limit, |group| group.stage() == Stage::Idle).await {
        group.doomed.set(false);
        return Err(Fault::new(
            Code::Timeout,
            format!("its process did not end within {limit:?}"),
        ));
    }
    gshell_group::sweep_sessions(&node.run_dir, &group.name.to_string());
    node.feed(group, Event::Emptied);
    Ok(())
}

/// Ends the daemon; with `groups` its groups first. What runs in them runs again when a daemon starts on the
/// same state.
pub async fn shutdown(node: Rc<Node>, request: Shutdown) -> Result<ShuttingDown, Fault> {
    if request.groups {
        node.closing.set(true);
        node.log.info("daemon is to end with its groups");
        node.settled().await;
        let groups: Vec<_> = node.groups.borrow().values().cloned().collect();
        let tasks: Vec<_> = groups
            .into_iter()
            .map(|group| rt::spawn(async move { stop_process(&group).await }))
            .collect();
        for task in tasks {
            task.await;
        }
    }
    let _ = node.told.try_send(());
    Ok(ShuttingDown {})
}

async fn stop_process(group: &Rc<Group>) {
    // One that is being made has a process in a moment.
    let made = |group: &Group| !matches!(group.stage(), Stage::Starting { pid: None, .. });
    group.until(GONE, made).await;
    let Some(link) = group.link() else { return };
    let shutdown = GroupShutdown {
        grace_ms: STOP_GRACE.as_millis() as u32,
    };
    let ended = async {
        let _: Result<GroupEnding, Fault> = link.call(shutdown).await;
        link.lost().await
    };
    if rt::timeout(STOP_GRACE + KILL_WAIT, ended).await.is_none()
        && let Some(pid) = group.pid()
    {
        let _ = process::kill(pid, SIGKILL);
    }
}
