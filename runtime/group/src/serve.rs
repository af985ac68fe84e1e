//! The service `gshell/grg-NAME-VERSION`: what the daemon and attached clients can ask.

use std::rc::Rc;
use std::time::Duration;

use async_channel::Sender;
use gshell_control::messages::attach::{Attach, AttachedState, Finished, Left, Output};
use gshell_control::messages::groups::{
    Changed, Command, Commanded, EnvAction, GroupEnding, GroupShutdown, GroupStats, Hello, Launch, Launched,
    Removed, Synced, Watch, Welcome,
};
use gshell_control::messages::log::{Chunk, End, LogQuery, Lost};
use gshell_control::messages::plugins::{GroupPluginList, GroupPlugins, OpenedPlugin, RefusedPlugin};
use gshell_control::names::{GROUP_SERVICE_PREFIX, PUBLISHER};
use gshell_service::{Admit, Handlers, Identity, rt, trace};
use gshell_sys::peer::{current_uid, is_member};
use gshell_wire::{Code, Fault};

use crate::serve_log::{self, Source};
use crate::table::Group;
use crate::{attach, logs_dir, recover, watch};

/// What the own node is called as a provider.
const SELF: &str = "self";

/// The system group whose members may use a node that another user runs.
const USERS: &str = "gshell";

/// Who may connect: root, the user that runs this process, members of group `gshell`.
pub fn admission() -> Admit {
    let own = current_uid();
    Rc::new(move |peer| {
        let Some(who) = peer.credentials else {
            return Err(Fault::new(Code::Denied, "this node is for users of this machine"));
        };
        if who.uid == 0 || who.uid == own || is_member(who.uid, USERS) {
            return Ok(());
        }
        let text = format!(
            "user {} may not use this node: it belongs to user {own} and group {USERS}",
            who.uid
        );
        Err(Fault::new(Code::Denied, text))
    })
}

/// The group's handlers; `told` hears when the group is to end.
pub(crate) fn handlers(group: &Rc<Group>, told: Sender<()>) -> Handlers {
    let for_group = |group: &Rc<Group>| group.clone();
    let (a, b, c, d, e, f, g) = (
        for_group(group),
        for_group(group),
        for_group(group),
        for_group(group),
        for_group(group),
        for_group(group),
        for_group(group),
    );
    let handlers = Handlers::new()
        // What was begun for a caller that went away is not left half done.
        .finishing()
        .on(move |_: Hello, _| std::future::ready(Ok(welcome(&a))))
        .on(move |request: Launch, _| launch(b.clone(), request))
        .on(move |request: Command, _| command(c.clone(), request))
        .on(move |_: GroupStats, _| std::future::ready(Ok(d.figures())))
        .on(move |_: GroupPlugins, _| std::future::ready(Ok(plugins())))
        .on(move |request: GroupShutdown, _| shutdown(e.clone(), request, told.clone()))
        .on_stream(move |_: Watch, stream, _| watch::serve(f.clone(), stream))
        .sends::<Changed>()
        .sends::<Removed>()
        .sends::<Synced>()
        .on_stream(move |request: LogQuery, stream, _| log(g.clone(), request, stream))
        .sends::<Chunk>()
        .sends::<Lost>()
        .sends::<End>()
        .on_stream({
            let group = group.clone();
            move |request: Attach, stream, _| attach::serve(group.clone(), request, stream)
        })
        .sends::<AttachedState>()
        .sends::<Output>()
        .sends::<Left>()
        .sends::<Finished>();
    let name = &group.name;
    trace::set_process_name(name);
    handlers.identify(Identity {
        publisher: PUBLISHER.to_owned(),
        service: format!("{GROUP_SERVICE_PREFIX}{name}"),
        provider: SELF.to_owned(),
    });
    handlers
}

fn welcome(group: &Group) -> Welcome {
    Welcome {
        group: group.name.clone(),
        pid: std::process::id() as i32,
        threads: u16::try_from(group.workers.most()).unwrap_or(u16::MAX),
        warnings: group.warnings.clone(),
        reports: group.reports.borrow().clone(),
    }
}

fn plugins() -> GroupPluginList {
    let path = |path: Option<&std::path::Path>| path.map(|path| path.to_string_lossy().into_owned());
    let opened = gshell_plugin_host::opened()
        .into_iter()
        .map(|plugin| OpenedPlugin {
            name: plugin.name().to_owned(),
            version: plugin.version().to_owned(),
            built_by: plugin.built_by().to_owned(),
            summary: plugin.summary().to_owned(),
            path: path(plugin.origin().path()),
        });
    let refused = gshell_plugin_host::registry::refused().into_iter();
    let refused = refused.map(|refused| RefusedPlugin {
        path: path(refused.origin.as_deref()),
        name: refused.name,
        reason: refused.reason,
    });
    GroupPluginList {
        opened: opened.collect(),
        refused: refused.collect(),
    }
}

async fn launch(group: Rc<Group>, request: Launch) -> Result<Launched, Fault> {
    let id = request.job.id.clone();
    match recover::launched_before(&group, &request.job)? {
        true => group.saver.settled(&id).await,
        false => drop(group.launch(request.job).await?),
    }
    Ok(Launched {
        id,
        warnings: group.warnings.clone(),
    })
}

async fn command(group: Rc<Group>, request: Command) -> Result<Commanded, Fault> {
    let env = match group.find(&request.id) {
        Ok(env) => env,
        Err(fault) => {
            // One that is being removed is gone when this is said.
            group.saver.settled(&request.id).await;
            return Err(fault);
        }
    };
    let outcome = match request.action {
        EnvAction::Stop { grace_ms } => {
            group.stop(&env, Duration::from_millis(grace_ms.into())).await?;
            "stopped"
        }
        EnvAction::Start => {
            group.start_again(&env)?;
            group.saver.settled(env.id()).await;
            "started"
        }
        EnvAction::Restart => {
            group.restart(&env).await?;
            "restarted"
        }
        EnvAction::Kill => {
            group.kill(&env).await?;
            "killed"
        }
        EnvAction::Remove => {
            group.remove(&env)?;
            "removed"
        }
    };
    // What was answered survives: the record is on disk, or is shown as unsaved.
    group.saver.settled(env.id()).await;
    Ok(Commanded {
        outcome: outcome.to_owned(),
    })
}

async fn shutdown(group: Rc<Group>, request: GroupShutdown, told: Sender<()>) -> Result<GroupEnding, Fault> {
    // From here on exits are not recorded: what runs now is to run again when the group comes back.
    group.saver.all_settled().await;
    group.ending.set(true);
    let grace = Duration::from_millis(request.grace_ms.into());
    let running: Vec<_> = group
        .envs
        .borrow()
        .values()
        .filter(|env| env.runs())
        .cloned()
        .collect();
    let stops: Vec<_> = running
        .into_iter()
        .map(|env| {
            let group = group.clone();
            rt::spawn(async move {
                let _ = group.stop(&env, grace).await;
            })
        })
        .collect();
    for stop in stops {
        stop.await;
    }
    let _ = told.try_send(());
    Ok(GroupEnding {})
}

async fn log(group: Rc<Group>, request: LogQuery, stream: gshell_service::Stream) -> Result<(), Fault> {
    let own = request.target == group.name || request.target == group.spec.name;
    let env = if own {
        None
    } else {
        Some(group.find(&request.target)?)
    };
    let name = match &env {
        Some(env) => {
            env.hub.flush();
            env.id().to_owned()
        }
        None => group.name.clone(),
    };
    let alive = move || env.as_ref().is_none_or(|env| env.state().is_active());
    let source = Source {
        folder: logs_dir(&group.run_dir, &group.name),
        name,
    };
    serve_log::serve(&source, &request, &stream, alive).await
}
