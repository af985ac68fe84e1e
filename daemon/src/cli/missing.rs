//! What is to run and is no file: the app of a plugin, or an error that says where it was looked for.

use std::io::{self, ErrorKind};
use std::path::Path;

use gshell_control::Package;
use gshell_plugin_host::file::names;

use super::failure::Failure;
use super::pack::Packed;
use crate::exit_codes::Status;

/// The name of a plugin that a path may be.
pub fn plugin(path: &Path) -> Option<&str> {
    let name = path.to_str()?;
    (names::check(name).is_ok() && !name.ends_with(".lua")).then_some(name)
}

/// The app of a plugin, listed by the last part of its name.
pub fn app(plugin: &str) -> Packed {
    let name = plugin.rsplit('/').next().unwrap_or(plugin);
    Packed {
        package: Package::of_app(plugin),
        name: name.to_owned(),
    }
}

/// The failure for what is neither a file nor, as `fault` says, a plugin.
pub fn neither(path: &Path, fault: &str) -> Failure {
    let mut failure = absent(path, &io::Error::from_raw_os_error(nix::libc::ENOENT));
    failure.text = match failure.text.strip_suffix(')') {
        Some(text) => format!("{text}; {fault})"),
        None => format!("{}; {fault}", failure.text),
    };
    failure.status = Status::NotFound;
    failure
}

/// The error for a path that leads nowhere: says where it was looked for, which a relative path leaves open.
pub fn absent(path: &Path, error: &io::Error) -> Failure {
    let mut failure = Failure::io(&format!("cannot run {}", path.display()), error);
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut lua = path.as_os_str().to_owned();
    lua.push(".lua");
    let lua = Path::new(&lua);
    if error.kind() != ErrorKind::NotFound {
        return failure;
    }
    failure.text.push_str(&match lua.is_file() {
        true => format!(" (did you mean {}?)", lua.display()),
        false => format!(
            " (looked for a script, a folder or a program at {})",
            whole.display()
        ),
    });
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_may_be_plugins() {
        for name in ["echo", "example.org/echo", "a-b"] {
            assert_eq!(plugin(Path::new(name)), Some(name));
        }
        for path in ["echo.lua", "./echo", "/echo", "../x", "Echo", ""] {
            assert_eq!(plugin(Path::new(path)), None, "{path}");
        }
        let packed = app("example.org/echo");
        assert_eq!(
            (packed.name.as_str(), packed.package.app()),
            ("echo", Some("example.org/echo"))
        );
    }
}
