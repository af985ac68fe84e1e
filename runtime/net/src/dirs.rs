//! Where a node keeps its sockets and its state, when nobody says otherwise.
//!
//! Root's node is the machine's: `/run/gshell` and `/var/lib/gshell`. Everybody else has a node of their own, in the
//! folders that the XDG rules give to a user.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gshell_sys::{peer, user};

/// Variable that stands in for `--run-dir`.
pub const RUN_VARIABLE: &str = "GSHELL_RUN_DIR";
/// Variable that stands in for `--state-dir`.
pub const STATE_VARIABLE: &str = "GSHELL_STATE_DIR";

/// Characters of a node's ID.
const ID_LEN: usize = 12;

/// The folders of one node, absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirs {
    /// Sockets, logs, locks: gone after a reboot.
    pub run: PathBuf,
    /// Records and packages: what lasts.
    pub state: PathBuf,
    /// Whether somebody chose the run dir; a default one that others could have made is checked.
    pub run_chosen: bool,
}

/// What the choice of folders depends on.
struct Facts<'a> {
    uid: u32,
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    home: &'a dyn Fn() -> Option<PathBuf>,
    temp: &'a Path,
}

impl Dirs {
    /// The folders for this user: what the options say, else the variables, else the defaults.
    ///
    /// Fails when a relative path cannot be made absolute because the working directory is gone.
    pub fn find(run: Option<&Path>, state: Option<&Path>) -> io::Result<Self> {
        with_facts(|facts| choose(run, state, facts))
    }

    /// The folder of this user's own data that programs read, as the XDG rules say; `None` for root, whose is the machine's.
    pub fn data() -> Option<PathBuf> {
        with_facts(data)
    }

    /// The node's ID, when its daemon has made one by now.
    pub fn node_id(&self) -> Option<String> {
        let text = fs::read_to_string(self.state.join("id")).ok()?;
        let id = text.trim();
        let good = id.len() == ID_LEN && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        good.then(|| id.to_owned())
    }

    /// Makes the run dir when it is missing, and checks that a default one is this user's alone.
    ///
    /// Errors name the path.
    pub fn prepare_run(&self) -> Result<(), String> {
        // The machine's node is for everybody whom its sockets' modes let in; a user's is for the user.
        let mode = if user::is_root() || self.run_chosen {
            0o755
        } else {
            0o700
        };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(&self.run)
            .map_err(|error| format!("cannot make run dir {}: {error}", self.run.display()))?;
        self.check_run()
    }

    /// Checks that nobody else could have put a socket into a default run dir. A missing one is fine.
    pub fn check_run(&self) -> Result<(), String> {
        if self.run_chosen || user::is_root() {
            return Ok(());
        }
        let Ok(found) = fs::symlink_metadata(&self.run) else {
            return Ok(());
        };
        let wrong = |what: &str| {
            Err(format!(
                "run dir {} {what}; choose another by --run-dir",
                self.run.display()
            ))
        };
        if !found.is_dir() {
            return wrong("is not a folder");
        }
        if found.uid() != peer::current_uid() {
            return wrong(&format!("belongs to user {}", found.uid()));
        }
        if found.permissions().mode() & 0o022 != 0 {
            return wrong("can be written by others");
        }
        Ok(())
    }
}

fn with_facts<T>(ask: impl FnOnce(&Facts<'_>) -> T) -> T {
    let uid = peer::current_uid();
    ask(&Facts {
        uid,
        // An empty variable is as good as none.
        variable: &|name| std::env::var_os(name).filter(|value| !value.is_empty()),
        home: &|| user::lookup(&uid.to_string()).ok().map(|user| user.home),
        temp: Path::new("/tmp"),
    })
}

fn choose(run: Option<&Path>, state: Option<&Path>, facts: &Facts<'_>) -> io::Result<Dirs> {
    let given = |option: Option<&Path>, variable: &str| {
        let chosen = option
            .map(Path::to_owned)
            .or_else(|| (facts.variable)(variable).map(PathBuf::from));
        // The node changes its working directory; a relative path would then mean another place.
        chosen.map(std::path::absolute).transpose()
    };
    let chosen = given(run, RUN_VARIABLE)?;
    let run_chosen = chosen.is_some();
    let run = chosen.unwrap_or_else(|| default_run(facts));
    let state = given(state, STATE_VARIABLE)?.unwrap_or_else(|| default_state(facts));
    Ok(Dirs {
        run,
        state,
        run_chosen,
    })
}

fn absolute_variable(facts: &Facts<'_>, name: &str) -> Option<PathBuf> {
    // The XDG rules: a relative path in one of these variables is to be ignored.
    (facts.variable)(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

fn default_run(facts: &Facts<'_>) -> PathBuf {
    if facts.uid == 0 {
        return PathBuf::from("/run/gshell");
    }
    match absolute_variable(facts, "XDG_RUNTIME_DIR") {
        Some(path) if path.is_dir() => path.join("gshell"),
        _ => facts.temp.join(format!("gshell-{}", facts.uid)),
    }
}

fn home(facts: &Facts<'_>) -> Option<PathBuf> {
    absolute_variable(facts, "HOME").or_else(|| (facts.home)())
}

fn data(facts: &Facts<'_>) -> Option<PathBuf> {
    if facts.uid == 0 {
        return None;
    }
    absolute_variable(facts, "XDG_DATA_HOME").or_else(|| home(facts).map(|home| home.join(".local/share")))
}

fn default_state(facts: &Facts<'_>) -> PathBuf {
    if facts.uid == 0 {
        return PathBuf::from("/var/lib/gshell");
    }
    absolute_variable(facts, "XDG_STATE_HOME")
        .or_else(|| home(facts).map(|home| home.join(".local/state")))
        .map_or_else(|| default_run(facts).join("state"), |base| base.join("gshell"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<T>(uid: u32, variables: &[(&str, &str)], ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        ask(&Facts {
            uid,
            variable: &variable,
            home: &|| None,
            temp: Path::new("/tmp"),
        })
    }

    fn with(uid: u32, variables: &[(&str, &str)], options: (Option<&str>, Option<&str>)) -> Dirs {
        let (run, state) = (options.0.map(Path::new), options.1.map(Path::new));
        asked(uid, variables, |facts| choose(run, state, facts)).unwrap()
    }

    fn paths(dirs: &Dirs) -> (&str, &str) {
        (dirs.run.to_str().unwrap(), dirs.state.to_str().unwrap())
    }

    #[test]
    fn root_has_the_machine() {
        let dirs = with(0, &[("XDG_RUNTIME_DIR", "/"), ("HOME", "/root")], (None, None));
        assert_eq!(paths(&dirs), ("/run/gshell", "/var/lib/gshell"));
    }

    #[test]
    fn a_user_has_the_xdg_folders() {
        let dirs = with(
            7,
            &[("XDG_RUNTIME_DIR", "/"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")],
            (None, None),
        );
        assert_eq!(paths(&dirs), ("/gshell", "/s/gshell"));
        let dirs = with(
            7,
            &[
                ("XDG_RUNTIME_DIR", "/no/such"),
                ("XDG_STATE_HOME", "s"),
                ("HOME", "/h"),
            ],
            (None, None),
        );
        assert_eq!(paths(&dirs), ("/tmp/gshell-7", "/h/.local/state/gshell"));
        assert_eq!(
            paths(&with(7, &[], (None, None))),
            ("/tmp/gshell-7", "/tmp/gshell-7/state")
        );
    }

    #[test]
    fn a_user_has_data_and_root_has_none() {
        let of = |uid, variables: &[(&str, &str)]| asked(uid, variables, data);
        assert_eq!(of(0, &[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]), None);
        assert_eq!(
            of(7, &[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]),
            Some("/d".into())
        );
        assert_eq!(
            of(7, &[("XDG_DATA_HOME", "d"), ("HOME", "/h")]),
            Some("/h/.local/share".into())
        );
        assert_eq!(of(7, &[]), None);
    }

    #[test]
    fn options_go_before_variables() {
        let variables = [(RUN_VARIABLE, "/vr"), (STATE_VARIABLE, "/vs")];
        let dirs = with(0, &variables, (None, None));
        assert_eq!((paths(&dirs), dirs.run_chosen), (("/vr", "/vs"), true));
        assert_eq!(
            paths(&with(7, &variables, (Some("/or"), Some("/os")))),
            ("/or", "/os")
        );
    }

    #[test]
    fn relative_paths_become_absolute() {
        let dirs = with(7, &[], (Some("a"), Some("b/c")));
        assert!(dirs.run.is_absolute() && dirs.run.ends_with("a"));
        assert!(dirs.state.is_absolute() && dirs.state.ends_with("b/c"));
    }

    #[test]
    fn a_run_dir_is_made() {
        let base = std::env::temp_dir().join(format!("gsh-dirs-{}", std::process::id()));
        let dirs = Dirs {
            run: base.join("x/run"),
            state: base.join("state"),
            run_chosen: true,
        };
        dirs.prepare_run().unwrap();
        assert!(dirs.run.is_dir());
        let file = base.join("file");
        fs::write(&file, "").unwrap();
        let error = Dirs {
            run: file.join("run"),
            ..dirs
        }
        .prepare_run()
        .unwrap_err();
        assert!(error.contains("file/run"), "{error}");
        fs::remove_dir_all(&base).unwrap();
    }
}
