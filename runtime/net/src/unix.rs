//! The transport between processes of one machine: unix stream sockets, one file a service.
//!
//! A file `PUBLISHER_SERVICE.sock` in the runtime dir's `svc/` names a service. A process that is
//! killed leaves its file behind; a connection to it is then refused, which is how the next publisher
//! tells a leftover (replaced) from a living one (an error that names it).

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gshell_sys::lock::{Lock, LockError};
use gshell_wire::check_name;

/// Access to a socket file: its owner and the group of the runtime dir.
const MODE: u32 = 0o660;
/// Longest path that fits into a socket address, without the final zero.
const LONGEST_PATH: usize = 107;
/// How long a publisher waits for another that is publishing at this moment.
const BIND_LOCK_WAIT: Duration = Duration::from_secs(2);

/// Why a service could not be published.
#[derive(Debug)]
pub enum PublishError {
    /// Somebody serves this name already.
    Exists(PathBuf),
    /// The name has characters that names do not have.
    Name(String),
    /// The path does not fit into a socket address.
    TooLong(PathBuf),
    /// The system refused; with what was being done.
    Io(&'static str, PathBuf, io::Error),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Exists(path) => write!(f, "a service is already published at {}", path.display()),
            PublishError::Name(why) => f.write_str(why),
            PublishError::TooLong(path) => write!(
                f,
                "socket path {} has more than {LONGEST_PATH} bytes: choose a shorter run dir (--run-dir)",
                path.display()
            ),
            PublishError::Io(what, path, error) => write!(f, "cannot {what} {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for PublishError {}

/// The file of a service in the runtime dir.
pub fn socket_path(run_dir: &Path, publisher: &str, service: &str) -> PathBuf {
    run_dir.join("svc").join(format!("{publisher}_{service}.sock"))
}

/// Takes `PUBLISHER_SERVICE.sock` apart; `None` for any other file name.
pub fn parse_socket_name(file_name: &str) -> Option<(&str, &str)> {
    let (publisher, service) = file_name.strip_suffix(".sock")?.split_once('_')?;
    (check_name(publisher).is_ok() && check_name(service).is_ok()).then_some((publisher, service))
}

/// A listening socket and its file, which goes with it.
#[derive(Debug)]
pub struct Published {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
    keep: bool,
}

impl Published {
    /// The listening socket.
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// The socket file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the socket out; the file stays, for another process that has been given the socket.
    pub fn into_listener(mut self) -> io::Result<UnixListener> {
        self.keep = true;
        self.listener.try_clone()
    }

    /// Takes over a listening socket that another process published at `path`.
    pub fn adopt(listener: UnixListener, path: PathBuf) -> Published {
        let inode = fs::symlink_metadata(&path).map_or(0, |meta| meta.ino());
        Published {
            listener,
            path,
            inode,
            keep: false,
        }
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // Only the file that is still this socket's: a successor may have replaced it.
        if !self.keep && fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Publishes a service in `run_dir`: binds its socket, mode 0660, replacing a leftover.
pub fn publish(run_dir: &Path, publisher: &str, service: &str) -> Result<Published, PublishError> {
    for name in [publisher, service] {
        check_name(name).map_err(|error| PublishError::Name(error.to_string()))?;
    }
    let path = socket_path(run_dir, publisher, service);
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(PublishError::TooLong(path));
    }
    let folder = run_dir.join("svc");
    fs::create_dir_all(&folder).map_err(|error| PublishError::Io("create folder", folder.clone(), error))?;
    let _one_at_a_time = bind_lock(&folder)?;
    if path.exists() {
        match UnixStream::connect(&path) {
            Ok(_) => return Err(PublishError::Exists(path)),
            Err(error) if !leftover(&error) => {
                return Err(PublishError::Io("look at socket", path, error));
            }
            Err(_) => fs::remove_file(&path)
                .map_err(|error| PublishError::Io("remove leftover socket", path.clone(), error))?,
        }
    }
    let listener =
        UnixListener::bind(&path).map_err(|error| PublishError::Io("bind socket", path.clone(), error))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(MODE))
        .map_err(|error| PublishError::Io("set mode of socket", path.clone(), error))?;
    let inode = fs::symlink_metadata(&path).map_or(0, |meta| meta.ino());
    Ok(Published {
        listener,
        path,
        inode,
        keep: false,
    })
}

/// Whether a failed connection means that nobody serves the socket file any more.
fn leftover(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
    )
}

/// Held while a name is looked at and bound, so that two publishers cannot both see a leftover.
fn bind_lock(folder: &Path) -> Result<Lock, PublishError> {
    let path = folder.join(".bind.lock");
    let deadline = Instant::now() + BIND_LOCK_WAIT;
    loop {
        match Lock::acquire(&path, "") {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(LockError::Held { .. }) => {
                return Err(PublishError::Io("lock", path, io::ErrorKind::WouldBlock.into()));
            }
            Err(LockError::Io(error)) => return Err(PublishError::Io("lock", path, error)),
        }
    }
}

/// Connects to the service at `path`. Refused and not found both mean that nobody serves it.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path)
}

/// As [`connect`], without ever waiting; the stream is non-blocking. `WouldBlock` when the service does not accept the
/// connections that wait for it already.
pub fn connect_now(path: &Path) -> io::Result<UnixStream> {
    gshell_sys::unix::connect_now(path)
}

/// All services that have a socket file in `run_dir`, sorted; whether somebody serves them is not asked.
pub fn published(run_dir: &Path) -> Vec<(String, String, PathBuf)> {
    let Ok(entries) = fs::read_dir(run_dir.join("svc")) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            let (publisher, service) = parse_socket_name(name.to_str()?)?;
            Some((publisher.to_owned(), service.to_owned(), entry.path()))
        })
        .collect();
    gshell_small::sort(&mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Dir {
            let path = std::env::temp_dir().join(format!("gsh-unix-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Dir(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_living_service_is_not_replaced_and_its_file_goes_with_it() {
        let dir = Dir::new("living");
        let first = publish(&dir.0, "gshell", "daemon").unwrap();
        let mode = fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(matches!(
            publish(&dir.0, "gshell", "daemon"),
            Err(PublishError::Exists(_))
        ));
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn a_leftover_is_replaced() {
        let dir = Dir::new("leftover");
        let path = publish(&dir.0, "gshell", "daemon")
            .unwrap()
            .into_listener()
            .map(drop);
        path.unwrap();
        assert!(socket_path(&dir.0, "gshell", "daemon").exists());
        let second = publish(&dir.0, "gshell", "daemon").unwrap();
        assert!(connect(second.path()).is_ok());
        assert_eq!(published(&dir.0).len(), 1);
    }

    #[test]
    fn names_and_long_paths_are_refused() {
        let dir = Dir::new("names");
        assert!(matches!(publish(&dir.0, "a_b", "c"), Err(PublishError::Name(_))));
        let deep = dir.0.join("x".repeat(100));
        assert!(matches!(
            publish(&deep, "gshell", "daemon"),
            Err(PublishError::TooLong(_))
        ));
        assert_eq!(parse_socket_name("a_b.sock"), Some(("a", "b")));
        assert_eq!(parse_socket_name(".bind.lock"), None);
    }
}
