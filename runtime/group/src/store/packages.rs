//! Code on disk, each package once, named by the SHA-256 of its packed form.
//!
//! Packed, a package is the magic "GSp1" and then postcard of its files; the digit is the version. The name is also the
//! checksum, so a package that does not have it is never run.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use gshell_control::limits::{PACKAGE_BYTES, PACKAGE_FILES};
use gshell_control::package::check_files;
use gshell_control::{Invalid, Package, PackageFile};
use gshell_small::Set;
use gshell_wire::Bytes;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::files::{self, TEMP};
use super::record;

const MAGIC: &[u8; 4] = b"GSp1";
const PACKED: &str = ".pkg";
const PROGRAM: &str = ".elf";

/// Length of a hash in hexadecimal digits.
const HASH_LEN: usize = 64;

/// Bytes of a packed package: its content, and paths and lengths around it.
const PACKED_BYTES: u32 = PACKAGE_BYTES + PACKAGE_FILES * 272;

/// Version 1 of the packed form, frozen: see [`super::v1`].
#[derive(Serialize, Deserialize)]
struct PackageV1<'a> {
    #[serde(borrow, deserialize_with = "bounded")]
    files: Vec<FileV1<'a>>,
    main: &'a str,
    elf: bool,
}

#[derive(Serialize, Deserialize)]
struct FileV1<'a> {
    path: &'a str,
    #[serde(with = "serde_bytes", borrow)]
    data: &'a [u8],
}

/// Reads the list of files and stops at the first too many, before memory is spent on a number that lies.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FileV1<'de>>, D::Error> {
    struct Files;

    impl<'de> Visitor<'de> for Files {
        type Value = Vec<FileV1<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {PACKAGE_FILES} files")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut files = Vec::new();
            while let Some(file) = list.next_element()? {
                files.push(file);
                if files.len() > PACKAGE_FILES as usize {
                    return Err(A::Error::invalid_length(files.len(), &self));
                }
            }
            Ok(files)
        }
    }

    deserializer.deserialize_seq(Files)
}

/// Checks and packs a package. The same package always gives the same bytes.
pub fn pack(package: &Package) -> Result<Vec<u8>, StoreError> {
    package.check()?;
    let files = package
        .files
        .iter()
        .map(|file| FileV1 {
            path: &file.path,
            data: &file.data,
        })
        .collect();
    let packed = PackageV1 {
        files,
        main: &package.main,
        elf: package.elf,
    };
    let broken = |error: postcard::Error| Invalid::new("package", &package.main, error.to_string());
    Ok(postcard::to_extend(&packed, MAGIC.to_vec()).map_err(broken)?)
}

/// Reads a packed package and checks it as a new one. Never panics, whatever the bytes; errors name the path.
pub fn decode_package(packed: &[u8]) -> Result<Package, Invalid> {
    let value = open(packed)?;
    let own = |file: FileV1<'_>| PackageFile {
        path: file.path.to_owned(),
        data: Bytes::from(file.data.to_vec()),
    };
    let main = value.main.to_owned();
    Ok(Package {
        files: value.files.into_iter().map(own).collect(),
        main,
        elf: value.elf,
    })
}

fn open(packed: &[u8]) -> Result<PackageV1<'_>, Invalid> {
    let wrong = |reason: String| Invalid::new("package", "packed", reason);
    if packed.len() > PACKED_BYTES as usize {
        return Err(wrong(format!(
            "it has {} bytes, {PACKED_BYTES} are allowed",
            packed.len()
        )));
    }
    let body = packed
        .strip_prefix(MAGIC)
        .ok_or_else(|| wrong("it does not start as a package".to_owned()))?;
    let value: PackageV1<'_> = record::body_of(body).map_err(|error| wrong(error.to_string()))?;
    check_files(
        value.files.iter().map(|file| (file.path, file.data.len())),
        value.main,
        value.elf,
    )?;
    Ok(value)
}

/// The name of a packed package: its SHA-256 in hexadecimal digits.
pub fn hash(packed: &[u8]) -> String {
    Sha256::digest(packed)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn check_hash(hash: &str) -> Result<(), Invalid> {
    if hash.len() == HASH_LEN && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(Invalid::new(
        "package hash",
        hash,
        "it has 64 hexadecimal digits, lower case",
    ))
}

/// Distinguishes the temporary files of one process.
static LAST_TEMP: AtomicU32 = AtomicU32::new(0);

/// The folder of packages. Several processes use it at once: files appear complete and never change.
#[derive(Clone, Debug)]
pub struct Packages {
    dir: PathBuf,
}

impl Packages {
    /// The packages of this state folder; nothing is made or looked at yet.
    pub fn at(state_dir: &Path) -> Self {
        Self {
            dir: state_dir.join("packages"),
        }
    }

    /// Stores a packed package, unless it is there, and gives its hash.
    pub fn put(&self, packed: &[u8]) -> Result<String, StoreError> {
        open(packed)?;
        let hash = hash(packed);
        let path = self.file(&hash, PACKED);
        // One that is there and garbled is written anew: it has been found out to be so only now.
        if files::read(&path, PACKED_BYTES).is_ok_and(|found| found.as_deref() == Some(packed)) {
            return Ok(hash);
        }
        files::make_dir(&self.dir, 0o755)?;
        self.place(&path, packed, 0o644)?;
        Ok(hash)
    }

    /// The package of this hash; an error when it is missing, garbled or breaks the rules of packages.
    pub fn get(&self, hash: &str) -> Result<Package, StoreError> {
        Ok(decode_package(&self.packed(hash)?)?)
    }

    fn packed(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        check_hash(name)?;
        let path = self.file(name, PACKED);
        let Some(packed) = files::read(&path, PACKED_BYTES)? else {
            return Err(StoreError::io("read", &path)(std::io::ErrorKind::NotFound.into()));
        };
        if hash(&packed) != name {
            return Err(StoreError::Hash { path });
        }
        Ok(packed)
    }

    /// The executable file with the program of an ELF package, made from the package when it is missing or differs.
    ///
    /// Executing it may fail with "text file busy" for a moment when another thread forked while it was being written;
    /// trying again helps.
    pub fn program(&self, hash: &str) -> Result<PathBuf, StoreError> {
        let packed = self.packed(hash)?;
        let package = open(&packed)?;
        let program = match package.files.as_slice() {
            [file] if package.elf => file.data,
            _ => return Err(Invalid::new("package", package.main, "it is no ELF program").into()),
        };
        let path = self.file(hash, PROGRAM);
        let executable = path
            .metadata()
            .is_ok_and(|found| found.permissions().mode() & 0o111 == 0o111);
        if !executable
            || !files::read(&path, PACKED_BYTES).is_ok_and(|found| found.as_deref() == Some(program))
        {
            self.place(&path, program, 0o755)?;
        }
        Ok(path)
    }

    /// Removes every package whose hash is not in `live`, and gives how many. The caller counts among `live` what it
    /// is about to start; see also [`super::packages_in_use`].
    pub fn collect(&self, live: &Set<String>) -> Result<usize, StoreError> {
        let mut removed = 0;
        for name in files::names(&self.dir)? {
            let Some((hash, suffix)) = name.split_at_checked(HASH_LEN) else {
                continue;
            };
            if !matches!(suffix, PACKED | PROGRAM) || check_hash(hash).is_err() || live.contains(hash) {
                continue;
            }
            let gone = files::remove(&self.dir.join(&name))?;
            removed += usize::from(gone && suffix == PACKED);
        }
        Ok(removed)
    }

    /// Removes what a crash left half-written. Who writes at this moment notices and writes again.
    pub(super) fn remove_temps(&self, reports: &mut Vec<String>) {
        let names = files::names(&self.dir).unwrap_or_default();
        for name in names.iter().filter(|name| name.ends_with(TEMP)) {
            reports.extend(
                files::remove(&self.dir.join(name))
                    .err()
                    .map(|error| error.to_string()),
            );
        }
    }

    fn file(&self, hash: &str, suffix: &str) -> PathBuf {
        self.dir.join(format!("{hash}{suffix}"))
    }

    /// Puts a complete file in its place.
    fn place(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
        let number = LAST_TEMP.fetch_add(1, Ordering::Relaxed);
        let temp = files::with_suffix(path, &format!(".{}-{number}{TEMP}", std::process::id()));
        let write = || {
            files::write_synced(&temp, bytes, mode)?;
            // The mode of a new file is cut by the umask of the process.
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&temp, permissions).map_err(StoreError::io("set the mode of", &temp))?;
            files::rename(&temp, path)
        };
        let written = match write() {
            Err(error) if error.is_not_found() => write(),
            other => other,
        };
        if let Err(error) = written {
            let _ = std::fs::remove_file(&temp);
            return Err(error);
        }
        files::sync_dir(&self.dir)
    }
}
