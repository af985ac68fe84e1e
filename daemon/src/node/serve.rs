//! The service `gshell/daemon`: its handlers, and the answers that need no more than a look.

use std::rc::Rc;

use gshell_control::Job;
use gshell_control::messages::daemon::{Act, GroupList, Groups, Jobs, KillGroups, Locate, Located, Ps, Run};
use gshell_control::messages::log::{Chunk, End, LogQuery, Lost, Redirect};
use gshell_control::messages::node::{
    Build, BuildInfo, Id, Info, List, NodeId, NodeInfo, SCOPE_OS, ServiceEntry, Services, Shutdown,
};
use gshell_control::messages::plugins::{Plugins, ReleasePlugin};
use gshell_control::names::{DAEMON_SERVICE, PUBLISHER};
use gshell_service::{Handlers, Identity, unix};
use gshell_wire::{Code, Fault};

use super::group::Group;
use super::{Node, act, kill, logs, plugins, run};
use crate::build;

/// Everything that the daemon answers.
pub fn handlers(node: &Rc<Node>) -> Handlers {
    let at = || node.clone();
    let (a, b, c, d, e, f) = (at(), at(), at(), at(), at(), at());
    let (g, h, i, j, k, l, m) = (at(), at(), at(), at(), at(), at(), at());
    let handlers = Handlers::new()
        // What was begun for a caller that went away is not left half done.
        .finishing()
        .on(move |request: Run, context| run::run(a.clone(), request, context))
        .on(move |request: Ps, _| once_settled(b.clone(), move |node| Ok(ps(node, &request))))
        .on(move |request: Act, _| act::act(c.clone(), request))
        .on(move |request: KillGroups, _| kill::kill(d.clone(), request))
        .on(move |_: Groups, _| once_settled(e.clone(), |node| Ok(groups(node))))
        .on(move |request: Locate, _| once_settled(f.clone(), move |node| locate(node, &request)))
        .on(move |request: List, _| std::future::ready(Ok(list(&g, &request))))
        .on(move |_: Info, _| once_settled(h.clone(), |node| Ok(info(node))))
        .on(move |_: Build, _| std::future::ready(Ok(built())))
        .on(move |_: Id, _| std::future::ready(Ok(NodeId { id: i.id.clone() })))
        .on(move |request: Plugins, _| plugins::plugins(l.clone(), request))
        .on(move |request: ReleasePlugin, _| std::future::ready(plugins::release(&m, &request)))
        .on(move |request: Shutdown, _| kill::shutdown(j.clone(), request))
        .on_stream(move |request: LogQuery, stream, _| logs::serve(k.clone(), request, stream))
        .sends::<Chunk>()
        .sends::<Lost>()
        .sends::<End>()
        .sends::<Redirect>();
    handlers.identify(Identity {
        publisher: PUBLISHER.to_owned(),
        service: DAEMON_SERVICE.to_owned(),
        provider: node.id.clone(),
    });
    handlers
}

/// Answers as soon as the groups that were found running have told what is in them.
async fn once_settled<T>(node: Rc<Node>, answer: impl FnOnce(&Node) -> Result<T, Fault>) -> Result<T, Fault> {
    node.settled().await;
    answer(&node)
}

fn ps(node: &Node, request: &Ps) -> Jobs {
    let selected = act::select(node, &request.patterns, request.group.as_deref());
    Jobs {
        jobs: selected.into_iter().map(|(_, job)| job).collect(),
    }
}

fn groups(node: &Node) -> GroupList {
    GroupList {
        groups: node.groups.borrow().values().map(|group| group.info()).collect(),
    }
}

/// The environment that an ID or a name means; an ID goes first, and a name must be the only one.
pub fn find_one(node: &Node, target: &str) -> Result<Option<(Rc<Group>, Job)>, Fault> {
    let all = act::select(node, &[], None);
    if let Some(found) = all.iter().find(|(_, job)| job.id == target) {
        return Ok(Some(found.clone()));
    }
    let named: Vec<_> = all.into_iter().filter(|(_, job)| job.name == target).collect();
    if named.len() > 1 {
        let ids: Vec<_> = named.iter().map(|(_, job)| job.id.as_str()).collect();
        let text = format!(
            "{} environments are called {target}: say which by its ID: {}",
            ids.len(),
            ids.join(", ")
        );
        return Err(Fault::new(Code::Invalid, text));
    }
    Ok(named.into_iter().next())
}

fn locate(node: &Node, request: &Locate) -> Result<Located, Fault> {
    let Some((group, job)) = find_one(node, &request.target)? else {
        let text = format!(
            "no environment has the ID or name {:?} (gshell ps lists them)",
            request.target
        );
        return Err(Fault::new(Code::NotFound, text));
    };
    let socket = group.link().map(|_| {
        let path = unix::socket_path(&node.run_dir, PUBLISHER, &group.name.service());
        path.to_string_lossy().into_owned()
    });
    Ok(Located { job, socket })
}

fn list(node: &Node, request: &List) -> Services {
    let matches = |pattern: &str, text: &str| pattern.is_empty() || gshell_wire::matches(pattern, text);
    let pid_of = |service: &str| match gshell_control::GroupName::from_service(service) {
        Some(name) => {
            let groups = node.groups.borrow();
            groups
                .get(&name.to_string())
                .and_then(|group| group.pid())
                .unwrap_or(0)
        }
        None if service == DAEMON_SERVICE => std::process::id() as i32,
        None => 0,
    };
    let entries = unix::published(&node.run_dir)
        .into_iter()
        .filter(|(publisher, service, _)| {
            matches(&request.publisher, publisher) && matches(&request.service, service)
        })
        .map(|(publisher, service, path)| ServiceEntry {
            pid: if publisher == PUBLISHER {
                pid_of(&service)
            } else {
                0
            },
            publisher,
            service,
            provider: "self".to_owned(),
            scopes: SCOPE_OS,
            address: path.to_string_lossy().into_owned(),
        })
        .collect();
    Services { entries }
}

fn built() -> BuildInfo {
    BuildInfo {
        flavour: build::flavour().to_owned(),
        libc: build::libc(),
    }
}

fn info(node: &Node) -> NodeInfo {
    let groups = node.groups.borrow();
    let mut reports = node.reports.borrow().clone();
    if node.forks.replaced() > 0 {
        reports.push(format!(
            "the fork server was replaced {} times",
            node.forks.replaced()
        ));
    }
    for group in groups.values() {
        for job in group.jobs.borrow().values() {
            if let Some(why) = &job.job.unsaved {
                reports.push(format!("{} is not on disk: {why}", job.job.id));
            }
        }
    }
    NodeInfo {
        version: crate::VERSION.to_owned(),
        provider: node.id.clone(),
        pid: std::process::id() as i32,
        started_ms: node.started_ms,
        target: crate::TARGET.to_owned(),
        features: build::features(),
        state_dir: node.state_dir.to_string_lossy().into_owned(),
        run_dir: node.run_dir.to_string_lossy().into_owned(),
        groups: groups.len() as u32,
        environments: groups
            .values()
            .map(|group| group.jobs.borrow().len() as u32)
            .sum(),
        reports,
        volatile: node.volatile.clone(),
    }
}
