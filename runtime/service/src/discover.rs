//! Discovery: from the name of a service to a connection.
//!
//! Scopes are looked at from near to far, and what is found nearest counts. Whoever waits is woken: by the table of the
//! process, and by the kernel when a socket appears in the runtime dir. Nothing is looked at again and again.

use std::path::Path;
use std::time::{Duration, Instant};

use gshell_net::rt::{self, Io};
use gshell_net::{Scope, unix};
use gshell_sys::watch::FolderWatch;
use gshell_wire::{Code, Fault, check_name, is_wild, matches};

use crate::address::Address;
use crate::client::Client;
use crate::node::Node;
use crate::publish::no_registry;
use crate::registry::{self, Change};
use crate::scope::Scopes;
use crate::select::{self, Select};

/// The name by which the own node is a provider, beside its ID.
const SELF: &str = "self";

/// How long discovery waits for a service that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timeout {
    /// For ever.
    #[default]
    Forever,
    /// It looks once.
    Once,
    /// So long, by the clock.
    For(Duration),
}

impl Timeout {
    /// From seconds as scripts and command lines say it: negative for ever, 0 once.
    pub fn from_secs(seconds: f64) -> Timeout {
        if seconds < 0.0 {
            Timeout::Forever
        } else if seconds == 0.0 {
            Timeout::Once
        } else {
            // More than the clock holds, or no number at all, is for ever.
            Duration::try_from_secs_f64(seconds).map_or(Timeout::Forever, Timeout::For)
        }
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Timeout::For(limit) => Instant::now().checked_add(limit),
            _ => None,
        }
    }
}

/// A service that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who publishes it.
    pub publisher: String,
    /// Its name.
    pub service: String,
    /// The ID of the node that has it.
    pub provider: String,
    /// The scope that it was found in.
    pub scope: Scope,
    /// Where it is.
    pub address: Address,
}

/// A search for a service; see [`discover`].
#[derive(Clone, Debug)]
#[must_use = "a search does nothing until it is asked for one or for all"]
pub struct Discover {
    node: Node,
    publisher: String,
    service: String,
    scopes: Scopes,
    provider: String,
    timeout: Timeout,
    select: Vec<Select>,
    reconnect: bool,
}

/// Looks for `service` of `publisher`, both of which may have wildcards (`*`).
///
/// ```no_run
/// # async fn f() -> Result<(), gshell_wire::Fault> {
/// use gshell_service::{Node, Timeout, discover};
/// let node = Node::from_env()?;
/// let client = discover(&node, "example", "echo").timeout(Timeout::Once).one().await?;
/// # Ok(()) }
/// ```
pub fn discover(node: &Node, publisher: &str, service: &str) -> Discover {
    Discover {
        node: node.clone(),
        publisher: publisher.to_owned(),
        service: service.to_owned(),
        scopes: Scopes::ALL,
        provider: "*".to_owned(),
        timeout: Timeout::Forever,
        select: Vec::new(),
        reconnect: false,
    }
}

impl Discover {
    /// Looks in these scopes only; in all if nothing is said.
    pub fn scopes(mut self, scopes: Scopes) -> Discover {
        self.scopes = scopes;
        self
    }

    /// Only on nodes whose ID is like this (`*` may stand in it); `self` is the own node.
    pub fn provider(mut self, pattern: &str) -> Discover {
        self.provider = pattern.to_owned();
        self
    }

    /// How long to wait; for ever if nothing is said.
    pub fn timeout(mut self, timeout: Timeout) -> Discover {
        self.timeout = timeout;
        self
    }

    /// How one of several is chosen: each method keeps the better half of what the one before it kept.
    pub fn select(mut self, methods: impl IntoIterator<Item = Select>) -> Discover {
        self.select = methods.into_iter().collect();
        self
    }

    /// Gives a client that connects again by itself; see [`Client`].
    pub fn reconnect(mut self, on: bool) -> Discover {
        self.reconnect = on;
        self
    }

    /// What is looked for, for people.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.publisher, self.service)
    }

    /// A connection to one service.
    ///
    /// # Errors
    /// `NotFound` when there is none in time, `Invalid` for a name or scopes that cannot be.
    pub async fn one(&self) -> Result<Client, Fault> {
        self.check()?;
        let deadline = self.timeout.deadline();
        let client = self
            .wait(deadline, &async || self.connect_best(deadline).await)
            .await?;
        Ok(match self.reconnect {
            true => client.reconnecting(self.clone()),
            false => client,
        })
    }

    /// All services of the nearest scopes; a service that several scopes have is named once, with the nearest.
    ///
    /// # Errors
    /// As [`Discover::one`].
    pub async fn all(&self) -> Result<Vec<Found>, Fault> {
        self.check()?;
        let alive = async || {
            let found = self.alive();
            (!found.is_empty()).then_some(found)
        };
        self.wait(self.timeout.deadline(), &alive).await
    }

    /// As [`Discover::one`], for a thread without an executor: looks in scope OS.
    ///
    /// # Errors
    /// As there.
    pub fn one_blocking(&self) -> Result<crate::blocking::Client, Fault> {
        let deadline = self.timeout.deadline();
        self.wait_blocking(deadline, &mut || {
            let mut found = self.candidates(Scope::Os);
            select::shuffle(&mut found);
            found
                .iter()
                .find_map(|found| found.address.connect_blocking(deadline).ok())
        })
    }

    /// As [`Discover::all`], for a thread without an executor.
    ///
    /// # Errors
    /// As there.
    pub fn all_blocking(&self) -> Result<Vec<Found>, Fault> {
        self.wait_blocking(self.timeout.deadline(), &mut || {
            let found = self.alive();
            (!found.is_empty()).then_some(found)
        })
    }

    fn check(&self) -> Result<(), Fault> {
        for name in [&self.publisher, &self.service] {
            if !is_wild(name) {
                check_name(name).map_err(|error| Fault::new(Code::Invalid, error.to_string()))?;
            }
        }
        if !self.scopes.has(Scope::Process) && !self.scopes.has(Scope::Os) {
            return Err(no_registry("search"));
        }
        Ok(())
    }

    fn is_wild(&self) -> bool {
        is_wild(&self.publisher) || is_wild(&self.service)
    }

    /// Whether the own node is among the providers that are looked at.
    fn own_node(&self) -> bool {
        self.provider == SELF || matches(&self.provider, &self.node.id)
    }

    /// What a scope has under the name, whether or not somebody is there.
    fn candidates(&self, scope: Scope) -> Vec<Found> {
        if !self.scopes.has(scope) || !self.own_node() {
            return Vec::new();
        }
        let found = |publisher: String, service: String, address| Found {
            publisher,
            service,
            provider: self.node.id.clone(),
            scope,
            address,
        };
        let fits = |publisher: &str, service: &str| {
            matches(&self.publisher, publisher) && matches(&self.service, service)
        };
        let run_dir = &self.node.run_dir;
        match scope {
            Scope::Process => registry::list()
                .into_iter()
                .filter(|(publisher, service)| fits(publisher, service))
                .map(|(publisher, service)| {
                    let address = Address::Process {
                        publisher: publisher.clone(),
                        service: service.clone(),
                    };
                    found(publisher, service, address)
                })
                .collect(),
            Scope::Os if self.is_wild() => unix::published(run_dir)
                .into_iter()
                .filter(|(publisher, service, _)| fits(publisher, service))
                .map(|(publisher, service, path)| found(publisher, service, Address::Os(path)))
                .collect(),
            Scope::Os => {
                let path = unix::socket_path(run_dir, &self.publisher, &self.service);
                let (publisher, service) = (self.publisher.clone(), self.service.clone());
                match path.exists() {
                    true => vec![found(publisher, service, Address::Os(path))],
                    false => Vec::new(),
                }
            }
            Scope::Lan | Scope::Wan => Vec::new(),
        }
    }

    /// What is there now, each service once.
    fn alive(&self) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        for scope in self.scopes.iter() {
            for found in self.candidates(scope) {
                let known = |other: &Found| {
                    (&other.publisher, &other.service, &other.provider)
                        == (&found.publisher, &found.service, &found.provider)
                };
                if !all.iter().any(known) && found.address.answers() {
                    all.push(found);
                }
            }
        }
        all
    }

    /// A connection to the best of the nearest scope that has one that answers.
    async fn connect_best(&self, deadline: Option<Instant>) -> Option<Client> {
        for scope in self.scopes.iter() {
            let found = self.candidates(scope);
            if let Some(client) = select::best(found, &self.select, deadline).await {
                return Some(client);
            }
        }
        None
    }

    fn not_found(&self) -> Fault {
        Fault::new(Code::NotFound, format!("service not found: {}", self.name()))
    }

    /// Repeats `attempt` whenever something changed, until it gives something or the time is over.
    async fn wait<T>(
        &self,
        deadline: Option<Instant>,
        attempt: &impl AsyncFn() -> Option<T>,
    ) -> Result<T, Fault> {
        // What is there already, as a rule, is found without a watch, whose making and ending takes the kernel a millisecond.
        if let Some(got) = attempt().await {
            return Ok(got);
        }
        if self.timeout == Timeout::Once {
            return Err(self.not_found());
        }
        loop {
            // The watches come first: what changes between the look and the wait is then seen.
            let seen = registry::changes();
            let watch = match self.scopes.has(Scope::Os) {
                true => Some(self.watch().and_then(Io::new).ok()),
                false => None,
            };
            if let Some(got) = attempt().await {
                return Ok(got);
            }
            let changed = changed(seen, watch.as_ref());
            let in_time = match deadline {
                None => {
                    changed.await;
                    Some(())
                }
                Some(at) => rt::timeout(at.saturating_duration_since(Instant::now()), changed).await,
            };
            if in_time.is_none() {
                return Err(self.not_found());
            }
        }
    }

    fn wait_blocking<T>(
        &self,
        deadline: Option<Instant>,
        attempt: &mut dyn FnMut() -> Option<T>,
    ) -> Result<T, Fault> {
        self.check()?;
        if let Some(got) = attempt() {
            return Ok(got);
        }
        if self.timeout == Timeout::Once {
            return Err(self.not_found());
        }
        loop {
            let watch = self.watch().ok();
            if let Some(got) = attempt() {
                return Ok(got);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(self.not_found());
            }
            // Without a watch (the kernel has no more of them) it is looked at again now and then.
            match watch {
                Some(watch) => watch.wait(left),
                None => std::thread::sleep(left.unwrap_or(UNWATCHED).min(UNWATCHED)),
            }
        }
    }

    /// A watch on the folder of the sockets, or on the nearest folder above it that exists.
    fn watch(&self) -> std::io::Result<FolderWatch> {
        let folder = self.node.run_dir.join("svc");
        let exists = |path: &&Path| path.is_dir();
        let nearest = folder.ancestors().find(exists).unwrap_or(Path::new("/"));
        FolderWatch::new(nearest)
    }
}

/// Pause between two looks where the kernel gives no watch.
const UNWATCHED: Duration = Duration::from_millis(500);

/// Waits for a change of the process's table, or of the folder, if that matters: it has a watch, if the kernel gave one.
async fn changed(seen: u32, watch: Option<&Option<Io<FolderWatch>>>) {
    let folder = async {
        match watch {
            None => std::future::pending().await,
            Some(Some(watch)) => {
                let _ = watch.read_with(FolderWatch::drain).await;
            }
            Some(None) => rt::sleep(UNWATCHED).await,
        }
    };
    futures_lite::future::or(Change::since(seen), folder).await;
}
