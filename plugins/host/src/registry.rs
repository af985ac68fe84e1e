//! The plugins of this process: those that are linked in, and those that were opened because somebody asked for them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

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
    quarantine: Option<ReadQuarantine>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By module name.
    opened: BTreeMap<String, &'static Plugin>,
    /// Those that are being opened, by module name.
    opening: Vec<String>,
    /// Files that were opened and refused then: they are not opened again as long as they stay the same.
    spoilt: BTreeMap<PathBuf, (Identity, String)>,
    /// What was refused last under a name.
    refused: BTreeMap<String, Refused>,
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Says what plugins this process may have: once, before anybody asks for one. Gives the built-in ones that were refused.
/// Whoever does not call it has no plugins.
pub fn set_up(setup: Setup) -> Vec<Refused> {
    let mut state = State::default();
    for descriptor in setup.built_in {
        let taken = opening::built_in(descriptor).and_then(|plugin| {
            match state.opened.insert(module(plugin.name()), plugin) {
                None => Ok(()),
                Some(_) => Err("another one has the same name".to_owned()),
            }
        });
        if let Err(reason) = taken {
            let name = crate::check::name_of(descriptor)
                .unwrap_or("without a name")
                .to_owned();
            let refused = Refused {
                name: name.clone(),
                origin: None,
                reason,
            };
            state.refused.insert(name, refused);
        }
    }
    let refused = state.refused.values().cloned().collect();
    let registry = Registry {
        folders: setup.folders,
        quarantine: setup.quarantine,
        state: Mutex::new(state),
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

/// The plugins that this process has, linked in or opened.
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
        if let Some((spoilt, reason)) = self.lock().spoilt.get(path)
            && *spoilt == identity
        {
            return Err(reason.clone());
        }
        let known = self.quarantine.as_ref().map(|read| read());
        if let Some(entry) = known.as_ref().and_then(|known| known.left_out(name, identity)) {
            return Err(entry.reason());
        }
        opening::file(path, name, identity).inspect_err(|reason| {
            let spoilt = (identity, reason.clone());
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
