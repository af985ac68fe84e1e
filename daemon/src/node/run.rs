//! `Run`: a package becomes an environment in a group.

use std::rc::Rc;
use std::time::Duration;

use gshell_control::limits::{GROUP_START, GROUPS_PER_NODE};
use gshell_control::messages::daemon::{Run, Started};
use gshell_control::messages::groups::{Launch, Launched};
use gshell_control::names::{PUBLISHER, env_id, random_group_name};
use gshell_control::{GroupName, GroupSpec, Job, Kind, Requester};
use gshell_group::store::{Store, packages};
use gshell_plugin_host::file::names;
use gshell_plugin_host::folders;
use gshell_service::{Client, Context, rt, unix};
use gshell_sys::{clock, random, user};
use gshell_wire::{Code, Fault};

use super::Node;
use super::group::Group;
use crate::builtin;

/// Time for the group to take the environment, with its record on disk.
const LAUNCH: Duration = Duration::from_secs(10);

/// Time for a group that died to be back with its records.
const COMES_BACK: Duration = Duration::from_secs(3);

/// Counts a request as something that is about to run in a group.
struct Pending {
    node: Rc<Node>,
    group: Rc<Group>,
}

impl Pending {
    fn new(node: &Rc<Node>, group: &Rc<Group>) -> Pending {
        group.pending.set(group.pending.get() + 1);
        Pending {
            node: node.clone(),
            group: group.clone(),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.group.pending.set(self.group.pending.get().saturating_sub(1));
        self.node.update(&self.group);
    }
}

fn invalid(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::Invalid, error.to_string())
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    random::fill(&mut bytes)
        .map_err(|error| Fault::new(Code::Internal, format!("no random numbers: {error}")))?;
    Ok(bytes)
}

/// Checks a request, stores its package, and has its group start it.
pub async fn run(node: Rc<Node>, request: Run, context: Context) -> Result<Started, Fault> {
    Job::check_request(&request.name, &request.args).map_err(invalid)?;
    let packed = packages::pack(&request.package).map_err(invalid)?;
    check_user(&request.spec)?;
    if let Some(plugin) = request.package.app() {
        check_app(&node, plugin).await?;
    }
    let (group, mut warnings) = pick_group(&node, &request)?;
    let pending = Pending::new(&node, &group);
    let package = node.packages.put(&packed).map_err(|error| {
        Fault::new(Code::Storage, "cannot store the package").with_cause(error.to_string())
    })?;
    drop(packed);
    if request.package.elf {
        // Laid out here, because a group may run as a user who cannot write where packages are.
        node.packages.program(&package).map_err(|error| {
            Fault::new(Code::Storage, "cannot store the program").with_cause(error.to_string())
        })?;
    }
    let job = new_job(&request, &group, package, &context)?;
    let launched = launch(&node, &group, &request, job).await?;
    warnings.extend(launched.warnings);
    drop(pending);
    let socket = unix::socket_path(&node.run_dir, PUBLISHER, &group.name.service());
    Ok(Started {
        id: launched.id,
        group: group.name.to_string(),
        socket: socket.to_string_lossy().into_owned(),
        warnings,
    })
}

/// Has the group take the environment. One that was just ending, for want of anything to run, is asked again when it is
/// back: it says so, or is gone and then does not know the environment.
async fn launch(node: &Rc<Node>, group: &Rc<Group>, request: &Run, job: Job) -> Result<Launched, Fault> {
    let link = node.ensure_link(group, GROUP_START).await?;
    let first = launch_once(group, &link, request, &job).await;
    let Err(fault) = &first else { return first };
    let syncs = group.syncs.get();
    match fault.code() {
        Some(Code::Unreachable | Code::Stopped) => {}
        _ => return first,
    }
    if !group.until(COMES_BACK, |group| group.syncs.get() != syncs).await {
        return Err(ended(group, fault));
    }
    // What was heard before it died does not count: only its records do.
    if group.jobs.borrow().contains_key(&job.id) {
        return Ok(Launched {
            id: job.id,
            warnings: Vec::new(),
        });
    }
    let link = node.ensure_link(group, GROUP_START).await?;
    launch_once(group, &link, request, &job)
        .await
        .map_err(|fault| ended(group, &fault))
}

async fn launch_once(group: &Rc<Group>, link: &Client, request: &Run, job: &Job) -> Result<Launched, Fault> {
    let launch = Launch {
        job: job.clone(),
        rows: request.rows,
        cols: request.cols,
    };
    let reply = rt::timeout(LAUNCH, link.call::<_, Launched>(launch)).await;
    let launched = reply.unwrap_or_else(|| {
        let text = format!(
            "group {} did not answer within {LAUNCH:?}; it may still run {} (gshell ps)",
            group.name, job.id
        );
        Err(Fault::new(Code::Timeout, text))
    })?;
    if !group.jobs.borrow().contains_key(&job.id) && !job.auto_remove {
        // The group's own word about it follows on the same connection.
        group.note(job.clone());
    }
    Ok(launched)
}

/// A lost connection, with what is known of the process that was at its other end.
fn ended(group: &Group, fault: &Fault) -> Fault {
    match (fault.code(), group.info().last_exit) {
        (Some(Code::Unreachable), Some(exit)) => {
            let text = format!("group {} ended before it took the environment", group.name);
            Fault::new(Code::Unreachable, text).with_cause(format!("{exit}; see 'gshell log {}'", group.name))
        }
        _ => fault.clone(),
    }
}

/// No group is forked for a plugin that nobody has. Whether one that is there has an app, only its group can tell.
async fn check_app(node: &Node, plugin: &str) -> Result<(), Fault> {
    let name = names::module(plugin);
    if builtin::NAMES
        .iter()
        .any(|built_in| names::module(built_in) == name)
    {
        return Ok(());
    }
    let folders = node.plugin_dirs.clone();
    let walked = rt::unblock({
        let (folders, name) = (folders.clone(), name.clone());
        move || folders::walk(&folders).named(&name).is_some()
    });
    if walked.await {
        return Ok(());
    }
    let folders: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let text = format!(
        "no plugin '{plugin}' is built in or in {}",
        match folders.is_empty() {
            true => "a folder of plugins".to_owned(),
            false => folders.join(", "),
        }
    );
    Err(Fault::new(Code::NotFound, text))
}

/// A group is only forked for a user that exists and that this node may switch to.
fn check_user(spec: &GroupSpec) -> Result<(), Fault> {
    let Some(name) = &spec.user else { return Ok(()) };
    let wanted = user::lookup(name).map_err(|error| invalid(format!("user {name}: {error}")))?;
    if wanted.uid == gshell_sys::peer::current_uid() || user::is_root() {
        return Ok(());
    }
    Err(Fault::new(
        Code::Denied,
        format!("this node does not run as root and cannot switch to user {name}"),
    ))
}

/// The group that is asked for, made when it does not exist; with warnings about what it ignores.
fn pick_group(node: &Rc<Node>, request: &Run) -> Result<(Rc<Group>, Vec<String>), Fault> {
    let name = match &request.group {
        Some(name) => GroupName::new(name, crate::VERSION).map_err(invalid)?,
        None => unused_name(node)?,
    };
    let existing = node.groups.borrow().get(&name.to_string()).cloned();
    if let Some(group) = existing {
        if group.doomed.get() {
            let text = format!("group {name} is being killed: try again in a moment");
            return Err(Fault::new(Code::Busy, text));
        }
        let warnings = differences(&group.spec.borrow(), &request.spec, &name);
        return Ok((group, warnings));
    }
    if node.groups.borrow().len() >= GROUPS_PER_NODE as usize {
        let text = format!(
            "this node has {GROUPS_PER_NODE} groups, the most that a node can have: remove some (gshell rm, gshell \
             kill) or run in an existing one (-g)"
        );
        return Err(Fault::new(Code::Limit, text));
    }
    let mut spec = request.spec.clone();
    spec.name = name.name().to_owned();
    spec.version = name.version().to_owned();
    spec.check().map_err(invalid)?;
    save_spec(node, &name, &spec)?;
    let group = Group::new(name.clone(), spec);
    node.groups.borrow_mut().insert(name.to_string(), group.clone());
    Ok((group, Vec::new()))
}

fn unused_name(node: &Rc<Node>) -> Result<GroupName, Fault> {
    loop {
        let name = random_group_name(random_bytes()?);
        let name = GroupName::new(&name, crate::VERSION).map_err(invalid)?;
        if !node.groups.borrow().contains_key(&name.to_string()) {
            return Ok(name);
        }
    }
}

fn save_spec(node: &Node, name: &GroupName, spec: &GroupSpec) -> Result<(), Fault> {
    let Some(state) = node.state_dir() else {
        return Ok(());
    };
    let saved = Store::open(&state, &name.to_string()).and_then(|store| store.save_spec(spec));
    if let Err(error) = saved {
        // The group runs all the same; after a restart of the node it would have the defaults.
        node.report(error.to_string());
    }
    Ok(())
}

/// What a request asks of a group that exists and has it otherwise.
fn differences(has: &GroupSpec, wants: &GroupSpec, name: &GroupName) -> Vec<String> {
    let default = GroupSpec::of(name);
    let mut warnings = Vec::new();
    let mut compare = |what: &str, differs: bool| {
        if differs {
            warnings.push(format!(
                "group {name} exists already: {what} of this run is ignored"
            ));
        }
    };
    compare(
        "--max-threads",
        wants.max_threads != default.max_threads && wants.max_threads != has.max_threads,
    );
    compare("--rt", wants.rt != default.rt && wants.rt != has.rt);
    compare("--nice", wants.nice != default.nice && wants.nice != has.nice);
    compare("--cpus", wants.cpus != default.cpus && wants.cpus != has.cpus);
    compare("--user", wants.user != default.user && wants.user != has.user);
    warnings
}

fn new_job(request: &Run, group: &Group, package: String, context: &Context) -> Result<Job, Fault> {
    // Whoever is admitted has them: see `gshell_group::admission`.
    let denied = || Fault::new(Code::Denied, "the process that asks is not known");
    let peer = context.peer().credentials.ok_or_else(denied)?;
    let mut job = Job {
        id: env_id(random_bytes()?),
        group: group.name.to_string(),
        name: request.name.clone(),
        args: request.args.clone(),
        kind: if request.package.elf {
            Kind::Elf
        } else {
            Kind::Script
        },
        package,
        main: request.package.main.clone(),
        restart: request.restart,
        auto_remove: request.auto_remove,
        memory: request.memory,
        interactive: request.interactive,
        requester: Requester {
            uid: peer.uid,
            process: format!("pid {}", peer.pid),
        },
        created_ms: clock::wall_ms(),
        ..Job::default()
    };
    job.rearm();
    Ok(job)
}
