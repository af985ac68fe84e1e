//! The plugins of this process: those that are linked in, and those that were opened because somebody asked for them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use gshell_small::Map;

use gshell_plugin_abi as abi;

use crate::file::names::module;
use crate::folders::{self, Found, Listing};
use crate::opening::{self, CAN_LOAD};
use crate::origin::Identity;
use crate::plugin::Plugin;
use crate::quarantine::Quarantine;

/// Reads what is known of plugins that crashed.
pub type ReadQuarantine = Box<dyn Fn() -> Quarantine + Send + Sync>;

/// What plugins a process may have.
#[derive(Default)]
pub struct Setup {
    /// Folders with plugin files, the first first.
    pub folders: Vec<PathBuf>,
    /// Plugins that are linked in.
    pub built_in: &'static [&'static abi::Plugin],
    /// Which files are left out because they crashed, asked each time that one is to be opened; `None`: nobody counts.
    pub quarantine: Option<ReadQuarantine>,
}

/// Why a plugin that there is cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name, as far as it is known.
    pub name: String,
    /// Where it is.
    pub origin: Option<PathBuf>,
    /// The reason, in one line.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(path) => write!(f, "plugin {}: {}", path.display(), self.reason),
            None => write!(f, "plugin {} (built in): {}", self.name, self.reason),
        }
    }
}

impl std::error::Error for Refused {}

/// What a process did about plugins.
struct Registry {
    folders: Vec<PathBuf>,
    /// By module name.
    built_in: Map<String, &'static abi::Plugin>,
    quarantine: Option<ReadQuarantine>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By module name.
    opened: Map<String, &'static Plugin>,
    /// Those that are being opened, by module name.
    opening: Vec<String>,
    /// Files that were opened and refused then: they are not opened again as long as they stay the same.
    spoilt: Map<PathBuf, Spoilt>,
    /// What was refused last under a name.
    refused: Map<String, Refused>,
}

/// A file that was opened and refused then.
#[derive(Clone)]
struct Spoilt {
    identity: Identity,
    reason: String,
    /// How often a file at this path was opened.
    opened: u32,
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Says what plugins this process may have: once, before anybody asks for one. Whoever does not call it has no plugins. Gives
/// what is wrong with those that are linked in; nothing of any is called yet.
pub fn set_up(setup: Setup) -> Vec<Refused> {
    let (mut built_in, mut refused) = (Map::new(), Vec::new());
    for descriptor in setup.built_in {
        let named = crate::check::name_of(descriptor);
        let mut refuse = |name: &str, reason| {
            refused.push(Refused {
                name: name.to_owned(),
                origin: None,
                reason,
            });
        };
        match named.map(|name| (name, built_in.insert(module(name), *descriptor))) {
            Ok((_, None)) => {}
            Ok((name, Some(_))) => refuse(name, "two that are linked in have this name".to_owned()),
            Err(reason) => refuse("without a name", reason),
        }
    }
    let registry = Registry {
        folders: setup.folders,
        built_in,
        quarantine: setup.quarantine,
        state: Mutex::default(),
        changed: Condvar::new(),
    };
    // A second call changes nothing: plugins that were found stay.
    let _ = REGISTRY.set(registry);
    refused
}

/// The plugin of this name, which is opened now if it has not been; `Ok(None)` when nobody has the name. Both
/// `example.org/echo` and `example.org.echo` name the same. Reads folders, and runs code of the plugin.
///
/// # Errors
/// When there is one and it cannot be had.
pub fn find(name: &str) -> Result<Option<&'static Plugin>, Refused> {
    match REGISTRY.get() {
        Some(registry) => registry.find(&module(name)),
        None => Ok(None),
    }
}

/// The plugins that something in this process asked for and got.
pub fn opened() -> Vec<&'static Plugin> {
    match REGISTRY.get() {
        Some(registry) => registry.lock().opened.values().copied().collect(),
        None => Vec::new(),
    }
}

/// What was asked for in this process and refused.
pub fn refused() -> Vec<Refused> {
    match REGISTRY.get() {
        Some(registry) => registry.lock().refused.values().cloned().collect(),
        None => Vec::new(),
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, module: &str) -> Result<Option<&'static Plugin>, Refused> {
        let mut state = self.lock();
        loop {
            if let Some(plugin) = state.opened.get(module) {
                return Ok(Some(plugin));
            }
            if !state.opening.iter().any(|name| name == module) {
                break;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.opening.push(module.to_owned());
        drop(state);
        // Not under the lock: the plugin's own code may take long, and others want other plugins.
        let found = self.open(module);
        let mut state = self.lock();
        state.opening.retain(|name| name != module);
        match &found {
            Ok(Some(plugin)) => {
                state.opened.insert(module.to_owned(), plugin);
                state.refused.remove(module);
            }
            Ok(None) => {
                state.refused.remove(module);
            }
            Err(refused) => {
                state.refused.insert(module.to_owned(), refused.clone());
            }
        }
        self.changed.notify_all();
        found
    }

    fn open(&self, module: &str) -> Result<Option<&'static Plugin>, Refused> {
        if let Some(descriptor) = self.built_in.get(module) {
            // It is asked once whether it is ready, and stays what it is.
            if let Some(refused) = self.lock().refused.get(module) {
                return Err(refused.clone());
            }
            let refused = |reason| Refused {
                name: module.to_owned(),
                origin: None,
                reason,
            };
            return opening::built_in(descriptor).map(Some).map_err(refused);
        }
        let listing = folders::walk(&self.folders);
        let Some(found) = listing.named(module).or_else(|| unreadable(&listing, module)) else {
            return Ok(None);
        };
        let path = found.path.clone();
        let refused = |reason| Refused {
            name: module.to_owned(),
            origin: Some(path.clone()),
            reason,
        };
        let facts = match (&found.refusal, &found.facts) {
            (None, Ok(facts)) => facts,
            (Some(refusal), _) | (None, Err(refusal)) => return Err(refused(refusal.to_string())),
        };
        if !CAN_LOAD {
            return Err(refused(
                "this gshell is linked statically and cannot load files: build it with the plugin built in, or use a build for \
                 glibc"
                    .to_owned(),
            ));
        }
        self.open_file(&path, &facts.name).map(Some).map_err(refused)
    }

    fn open_file(&self, path: &Path, name: &str) -> Result<&'static Plugin, String> {
        let identity = opening::identity(path)?;
        let before = self.lock().spoilt.get(path).cloned();
        if let Some(spoilt) = before.as_ref().filter(|spoilt| spoilt.identity == identity) {
            return Err(spoilt.reason.clone());
        }
        let known = self.quarantine.as_ref().map(|read| read());
        if let Some(entry) = known.as_ref().and_then(|known| known.left_out(name, identity)) {
            return Err(entry.reason());
        }
        let opened = before.map_or(0, |spoilt| spoilt.opened);
        opening::file(path, name, identity, opened).inspect_err(|reason| {
            let spoilt = Spoilt {
                identity,
                reason: reason.clone(),
                opened: opened.saturating_add(1),
            };
            self.lock().spoilt.insert(path.to_owned(), spoilt);
        })
    }
}

/// A file that is named after the plugin, and does not tell its name: it is why there is no plugin of this name.
fn unreadable<'a>(listing: &'a Listing, module: &str) -> Option<&'a Found> {
    let last = |text: &str| module == text || module.ends_with(&format!(".{text}"));
    listing.found.iter().find(|found| {
        let stem = found.path.file_stem().and_then(|stem| stem.to_str());
        found.facts.is_err() && stem.is_some_and(last)
    })
}
