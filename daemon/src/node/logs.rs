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
    let target = request.target.as_str();
    if target == log::NAME {
        let source = Source {
            folder: node.run_dir.join("log"),
            name: log::NAME.to_owned(),
        };
        return serve_log::serve(&source, &request, &stream, || true).await;
    }
    if let Some((group, job)) = serve::find_one(&node, target)? {
        if group.link().is_some() {
            let socket = unix::socket_path(&node.run_dir, PUBLISHER, &group.name.service());
            return stream
                .send(Redirect {
                    socket: socket.to_string_lossy().into_owned(),
                })
                .await;
        }
        let source = Source {
            folder: logs_dir(&node.run_dir, &group.name.to_string()),
            name: job.id,
        };
        return serve_log::serve(&source, &request, &stream, || false).await;
    }
    let Some(group) = find_group(&node, target) else {
        let text = format!("no environment, group or daemon is called {target:?} (gshell ps lists them)");
        return Err(Fault::new(Code::NotFound, text));
    };
    let name = group.name.to_string();
    let source = Source {
        folder: logs_dir(&node.run_dir, &name),
        name,
    };
    serve_log::serve(&source, &request, &stream, || true).await
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
