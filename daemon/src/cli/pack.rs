//! Making a package of what the user names: one file, or a folder with a `main.lua`.
//!
//! Everything that can be wrong with it is said here, before anything is started.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use gshell_control::limits::{PACKAGE_BYTES, PACKAGE_FILES};
use gshell_control::{Package, PackageFile};
use gshell_small::Set;
use gshell_wire::Bytes;

use super::elf::{self, Machine};
use super::failure::{Failure, reason};
use super::local;
use super::missing;
use crate::exit_codes::Status;

/// Files that a folder can be started by, the first one found.
const MAINS: [&str; 2] = ["main.lua", "init.lua"];

/// Folders inside folders; more is a link that leads back up.
const DEPTH: usize = 32;

/// A package and the name that its environment is listed by.
#[derive(Debug)]
pub struct Packed {
    /// What is run.
    pub package: Package,
    /// The file's or folder's own name.
    pub name: String,
}

/// Reads `path`, a script, an ELF program, or a folder with `main.lua` or `init.lua`, and checks that it can run. What is none
/// of them may be the name of a plugin, whose app is meant then.
pub fn pack(path: &Path) -> Result<Packed, Failure> {
    let shown = path.display();
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound && missing::plugin(path).is_some() => {
            return Ok(missing::app(missing::plugin(path).unwrap_or_default()));
        }
        Err(error) => return Err(missing::absent(path, &error)),
    };
    let real = fs::canonicalize(path).map_err(|error| Failure::io(&format!("cannot run {shown}"), &error))?;
    let packed = match meta.is_dir() {
        true => folder(path, &real)?,
        false => file(path, &meta)?,
    };
    packed
        .package
        .check()
        .map_err(|error| Failure::error(format!("cannot run {shown}: {error}")))?;
    check_main(path, &packed.package)?;
    Ok(packed)
}

fn file(path: &Path, meta: &Metadata) -> Result<Packed, Failure> {
    // The name as typed, not where a link leads: that is what the user will look for in `ps`.
    let name = utf8_name(path, path)?;
    let data = read(path, meta, PACKAGE_BYTES as usize)?;
    let elf = elf::is_elf(&data);
    let files = vec![PackageFile {
        path: name.clone(),
        data: Bytes::from(data),
    }];
    Ok(Packed {
        package: Package {
            files,
            main: name.clone(),
            elf,
        },
        name: if elf { name } else { listed(&name) },
    })
}

fn folder(path: &Path, real: &Path) -> Result<Packed, Failure> {
    let Some(main) = MAINS.iter().find(|main| real.join(main).is_file()) else {
        let text = format!(
            "cannot run {}: the folder has no {}",
            path.display(),
            MAINS.join(" or ")
        );
        return Err(Failure::error(text));
    };
    let mut walk = Walk {
        root: real,
        shown: path,
        files: Vec::new(),
        entries: 0,
        bytes: 0,
    };
    walk.folder(real, "", 0)?;
    let package = Package {
        files: walk.files,
        main: (*main).to_owned(),
        elf: false,
    };
    Ok(Packed {
        package,
        name: utf8_name(real, path)?,
    })
}

fn utf8_name(path: &Path, shown: &Path) -> Result<String, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| {
        Failure::error(format!(
            "cannot run {}: its name is no text in UTF-8",
            shown.display()
        ))
    })
}

/// What a script is listed by: its file's name without the `.lua`.
fn listed(name: &str) -> String {
    name.strip_suffix(".lua")
        .filter(|short| !short.is_empty())
        .unwrap_or(name)
        .to_owned()
}

/// A walk through a folder, its entries in the order of their names so that equal folders make equal packages.
struct Walk<'a> {
    root: &'a Path,
    shown: &'a Path,
    files: Vec<PackageFile>,
    entries: u32,
    bytes: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, inside: &str, depth: usize) -> Result<(), Failure> {
        if depth > DEPTH {
            return Err(self.refuse(inside, "it is too deep, perhaps by a link to a folder above it"));
        }
        let failed = |error: io::Error| self.refuse(inside, &reason(&error));
        let mut names = Set::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().into_string();
            names.insert(name.map_err(|name| {
                let place = join(inside, &name.to_string_lossy());
                self.refuse(&place, "its name is no text in UTF-8")
            })?);
        }
        // A repository's own data is large, private, and never part of the program.
        for name in names.iter().filter(|name| *name != ".git") {
            self.entry(&folder.join(name), &join(inside, name), depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inside: &str, depth: usize) -> Result<(), Failure> {
        self.entries += 1;
        if self.entries > PACKAGE_FILES {
            return Err(self.limit(inside, &format!("{PACKAGE_FILES} files")));
        }
        let real = self.resolve(path, inside)?;
        let meta = fs::metadata(&real).map_err(|error| self.refuse(inside, &reason(&error)))?;
        if meta.is_dir() {
            return self.folder(&real, inside, depth + 1);
        }
        let room = (PACKAGE_BYTES as usize).saturating_sub(self.bytes);
        let data = read(&real, &meta, room).map_err(|failure| match failure.status {
            Status::Limit => self.limit(inside, &format!("{} MiB", PACKAGE_BYTES >> 20)),
            _ => self.refuse(inside, failure.text.rsplit(": ").next().unwrap_or_default()),
        })?;
        self.bytes += data.len();
        self.files.push(PackageFile {
            path: inside.to_owned(),
            data: Bytes::from(data),
        });
        Ok(())
    }

    /// Where an entry really is: links are followed, but not out of the folder.
    fn resolve(&self, path: &Path, inside: &str) -> Result<PathBuf, Failure> {
        let real = fs::canonicalize(path).map_err(|error| self.refuse(inside, &reason(&error)))?;
        match real.starts_with(self.root) {
            true => Ok(real),
            false => Err(self.refuse(
                inside,
                &format!("it leads out of the folder, to {}", real.display()),
            )),
        }
    }

    fn refuse(&self, inside: &str, why: &str) -> Failure {
        Failure::error(format!(
            "cannot run {}: {}: {why}",
            self.shown.display(),
            self.shown.join(inside).display()
        ))
    }

    fn limit(&self, inside: &str, most: &str) -> Failure {
        let (shown, inside) = (self.shown.display(), self.shown.join(inside));
        let text = format!(
            "cannot run {shown}: a package has at most {most}; {} is beyond that",
            inside.display()
        );
        Failure::new(Status::Limit, text)
    }
}

fn join(inside: &str, name: &str) -> String {
    if inside.is_empty() {
        name.to_owned()
    } else {
        format!("{inside}/{name}")
    }
}

/// The content of a regular file of at most `most` bytes. Checked by reading: a length can grow meanwhile.
fn read(path: &Path, meta: &Metadata, most: usize) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    if !meta.is_file() {
        return Err(Failure::error(format!(
            "cannot run {shown}: it is no regular file"
        )));
    }
    let failed = |error: io::Error| Failure::io(&format!("cannot read {shown}"), &error);
    let mut data = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(most as u64 + 1)
        .read_to_end(&mut data)
        .map_err(failed)?;
    if data.len() > most {
        let text = format!(
            "cannot run {shown}: it is larger than {} MiB",
            PACKAGE_BYTES >> 20
        );
        return Err(Failure::new(Status::Limit, text));
    }
    Ok(data)
}

/// Checks that what is going to be run can run here.
fn check_main(path: &Path, package: &Package) -> Result<(), Failure> {
    let shown = path.display();
    let Some(main) = package.file(&package.main) else {
        return Ok(());
    };
    if package.elf {
        return check_machine(path, &main.data);
    }
    if elf::is_elf(&main.data) {
        return Err(Failure::error(format!(
            "cannot run {shown}: {} is an ELF program, not a script",
            main.path
        )));
    }
    local::check(&main.path, &main.data).map_err(|why| Failure::error(format!("cannot run {shown}: {why}")))
}

fn check_machine(path: &Path, data: &[u8]) -> Result<(), Failure> {
    let shown = path.display();
    let Some(machine) = Machine::of(data) else {
        return Err(Failure::error(format!(
            "cannot run {shown}: its ELF header is damaged"
        )));
    };
    let own = Machine::own().map_err(|error| Failure::io("cannot read this program's own header", &error))?;
    match machine == own {
        true => Ok(()),
        false => Err(Failure::error(format!(
            "cannot run {shown}: it is made for {machine}, and this is {own}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gsh-pack-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(path.join("app")).unwrap();
            Self(path)
        }

        fn write(&self, path: &str, data: &[u8]) -> PathBuf {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, data).unwrap();
            path
        }

        fn app(&self) -> PathBuf {
            self.0.join("app")
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn paths(packed: &Packed) -> Vec<&str> {
        packed
            .package
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect()
    }

    #[test]
    fn one_file() {
        let temp = Temp::new("one");
        let packed = pack(&temp.write("hello.lua", b"print('hello')")).unwrap();
        assert_eq!(
            (paths(&packed), packed.package.main.as_str()),
            (vec!["hello.lua"], "hello.lua")
        );
        assert_eq!((packed.name.as_str(), packed.package.elf), ("hello", false));
    }

    #[test]
    fn a_folder_is_sorted_and_without_repository() {
        let temp = Temp::new("folder");
        for path in [
            "app/z.txt",
            "app/main.lua",
            "app/lib/b.lua",
            "app/lib/a.lua",
            "app/.git/config",
        ] {
            temp.write(path, b"return 1");
        }
        let packed = pack(&temp.app()).unwrap();
        assert_eq!(paths(&packed), ["lib/a.lua", "lib/b.lua", "main.lua", "z.txt"]);
        assert_eq!(
            (packed.name.as_str(), packed.package.main.as_str()),
            ("app", "main.lua")
        );
    }

    #[test]
    fn init_stands_in_for_main() {
        let temp = Temp::new("init");
        let error = pack(&temp.app()).unwrap_err();
        assert!(
            error
                .text
                .contains("/app: the folder has no main.lua or init.lua"),
            "{error}"
        );
        temp.write("app/init.lua", b"return 1");
        assert_eq!(pack(&temp.app()).unwrap().package.main, "init.lua");
    }

    #[test]
    fn links_stay_inside() {
        let temp = Temp::new("links");
        temp.write("app/main.lua", b"return 1");
        symlink("main.lua", temp.app().join("same.lua")).unwrap();
        assert_eq!(paths(&pack(&temp.app()).unwrap()), ["main.lua", "same.lua"]);
        temp.write("secret", b"");
        symlink("../secret", temp.app().join("out")).unwrap();
        let error = pack(&temp.app()).unwrap_err();
        assert!(
            error.text.contains("app/out: it leads out of the folder, to "),
            "{error}"
        );
    }

    #[test]
    fn loops_and_dangling_links_are_errors() {
        let temp = Temp::new("loops");
        temp.write("app/main.lua", b"return 1");
        symlink(".", temp.app().join("again")).unwrap();
        assert!(pack(&temp.app()).is_err());
        fs::remove_file(temp.app().join("again")).unwrap();
        symlink("nothing", temp.app().join("gone")).unwrap();
        let error = pack(&temp.app()).unwrap_err();
        assert!(error.text.contains("app/gone: no such file"), "{error}");
    }

    #[test]
    fn sockets_are_refused() {
        let temp = Temp::new("sockets");
        temp.write("app/main.lua", b"return 1");
        let _socket = std::os::unix::net::UnixListener::bind(temp.app().join("sock")).unwrap();
        let error = pack(&temp.app()).unwrap_err();
        assert!(error.text.contains("app/sock: it is no regular file"), "{error}");
        assert!(
            pack(Path::new("/dev/null"))
                .unwrap_err()
                .text
                .contains("no regular file")
        );
    }

    #[test]
    fn limits_name_the_file() {
        let temp = Temp::new("limits");
        temp.write("app/main.lua", b"return 1");
        temp.write("app/x.bin", &vec![b' '; PACKAGE_BYTES as usize]);
        let error = pack(&temp.app()).unwrap_err();
        assert!(
            error.status == Status::Limit && error.text.contains("at most 8 MiB; "),
            "{error}"
        );
        assert!(error.text.contains("app/x.bin"), "{error}");
        fs::remove_file(temp.app().join("x.bin")).unwrap();
        for number in 0..PACKAGE_FILES {
            temp.write(&format!("app/{number}"), b"");
        }
        assert!(pack(&temp.app()).unwrap_err().text.contains("at most 1024 files"));
        let large = temp.write("large.lua", &vec![b' '; PACKAGE_BYTES as usize + 1]);
        assert!(pack(&large).unwrap_err().text.contains("larger than 8 MiB"));
    }

    #[test]
    fn missing_files_and_bad_scripts() {
        let temp = Temp::new("bad");
        let error = pack(&temp.0.join("none.lua")).unwrap_err();
        let place = temp.0.join("none.lua");
        let want = format!(
            "none.lua: no such file or directory (looked for a script, a folder or a program at {})",
            place.display()
        );
        assert!(error.text.ends_with(&want), "{error}");
        temp.write("top.lua", b"");
        let error = pack(&temp.0.join("top")).unwrap_err();
        assert!(error.text.ends_with("top.lua?)"), "{error}");
        let error = pack(&temp.write("bad.lua", b"local x = 1\nlocal = 2\n")).unwrap_err();
        assert!(error.text.contains("bad.lua:2:"), "{error}");
        assert!(pack(&temp.write("chunk.lua", b"\x1bLua\x54\x00")).is_err());
    }

    #[test]
    fn programs_are_for_this_machine() {
        let temp = Temp::new("elf");
        let mut program = fs::read("/proc/self/exe").unwrap();
        program.truncate(4096);
        let packed = pack(&temp.write("prog", &program)).unwrap();
        assert!(packed.package.elf);
        program[18] ^= 0x55;
        let error = pack(&temp.write("other", &program)).unwrap_err();
        assert!(
            error.text.contains("it is made for") && error.text.contains("and this is"),
            "{error}"
        );
        temp.write("app/main.lua", &program);
        assert!(
            pack(&temp.app())
                .unwrap_err()
                .text
                .contains("main.lua is an ELF program")
        );
    }
}
