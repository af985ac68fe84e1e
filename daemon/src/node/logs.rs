//! `LogQuery`: logs of the daemon, of groups, and of environments whose group has no process.

use std::rc::Rc;

use gshell_control::messages::log::{LogQuery, Redirect};
use gshell_control::names::PUBLISHER;
use gshell_group::logs_dir;
use gshell_group::serve_log::{self, Source};
use gshell_service::{Stream, unix};
use gshell_wire::{Code, Fault};

use super::act::is_group;
use super::group::Group;
use super::{Node, log, serve};

/// Serves one reader of a log.
pub async fn serve(node: Rc<Node>, request: LogQuery, stream: Stream) -> Result<(), Fault> {
    if request.target != log::NAME {
        node.settled().await;
    }
    match find(&node, &request.target)? {
        Place::Elsewhere(redirect) => stream.send(redirect).await,
        Place::Here { source, grows } => serve_log::serve(&source, &request, &stream, || grows).await,
    }
}

/// Where a log is.
enum Place {
    /// In files that the daemon can read; whether something still writes there.
    Here { source: Source, grows: bool },
    /// A group that runs has it.
    Elsewhere(Redirect),
}

fn find(node: &Node, target: &str) -> Result<Place, Fault> {
    if target == log::NAME {
        let (folder, name) = (node.run_dir.join("log"), log::NAME.to_owned());
        let source = Source { folder, name };
        return Ok(Place::Here { source, grows: true });
    }
    if let Some((group, job)) = serve::find_one(node, target)? {
        if group.link().is_some() {
            let socket = unix::socket_path(&node.run_dir, PUBLISHER, &group.name.service());
            let socket = socket.to_string_lossy().into_owned();
            return Ok(Place::Elsewhere(Redirect { socket }));
        }
        let folder = logs_dir(&node.run_dir, &group.name.to_string());
        let source = Source { folder, name: job.id };
        return Ok(Place::Here { source, grows: false });
    }
    let Some(group) = find_group(node, target) else {
        let text = format!("no environment, group or daemon is called {target:?} (gshell ps lists them)");
        return Err(Fault::new(Code::NotFound, text));
    };
    let name = group.name.to_string();
    let folder = logs_dir(&node.run_dir, &name);
    let source = Source { folder, name };
    Ok(Place::Here { source, grows: true })
}

fn find_group(node: &Node, target: &str) -> Option<Rc<Group>> {
    if target.contains('*') {
        return None;
    }
    node.groups
        .borrow()
        .values()
        .find(|group| is_group(target, &group.name))
        .cloned()
}
