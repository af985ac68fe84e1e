//! Files of plugins, good and bad, as `gshell plugin` sees them: none is opened here.

mod bundles;
mod made;
mod new;
mod opened;
mod running;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use gshell_tests::{Node, Out};
use serde_json::Value;

use self::made::{FIVE, Made, own, target};
use crate::output::json;

/// A folder of plugins beside a node that does not run: these commands need none.
struct Plugins {
    node: Node,
}

impl Plugins {
    fn new() -> Self {
        let plugins = Self {
            node: Node::unstarted(),
        };
        fs::create_dir(plugins.folder()).unwrap();
        plugins
    }

    /// Starts the node, whose groups look into the folder, too.
    fn start(&mut self) {
        let folder = self.folder().display().to_string();
        self.node.set_env("GSHELL_PLUGIN_DIR", &folder);
        self.node.start_daemon();
    }

    fn folder(&self) -> PathBuf {
        self.node.work_dir().join("plugins")
    }

    fn write(&self, name: &str, data: &[u8]) -> String {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, data).unwrap();
        path.display().to_string()
    }

    /// `gshell plugin WORDS` with that folder first.
    fn run(&self, words: &[&str]) -> Out {
        let folder = self.folder().display().to_string();
        self.node
            .cmd(&[&["--plugin-dir", &folder, "plugin"], words].concat())
    }

    /// What is listed of that folder: path below it, name, reason.
    fn listed(&self) -> Vec<(String, String, String)> {
        let all = json(self.run(&["list", "--json"]).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let folder = format!("{}/", self.folder().display());
        let plugins = all["plugins"].as_array().unwrap().iter();
        plugins
            .filter_map(|plugin| {
                let path = text(&plugin["path"]).strip_prefix(&folder)?.to_owned();
                assert_eq!(plugin["taken"], plugin["reason"].is_null(), "{plugin}");
                Some((path, text(&plugin["name"]), text(&plugin["reason"])))
            })
            .collect()
    }

    /// The paths of what is in the folder.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(self.folder()).unwrap() {
            names.push(entry.unwrap().file_name().into_string().unwrap());
        }
        names.sort();
        names
    }
}

/// Another target than the program's, which `differs` from it.
fn other(differs: fn(made::Machine, made::Machine) -> bool) -> (&'static str, made::Machine) {
    let mine = target(own());
    *FIVE.iter().find(|(_, machine)| differs(*machine, mine)).unwrap()
}

/// The files of the table: name, content, and what is to be said about each.
fn bad_files() -> Vec<(&'static str, Vec<u8>, String)> {
    let of = |change: &dyn Fn(&mut Made)| {
        let mut made = Made::new("bad");
        change(&mut made);
        made.bytes()
    };
    let whole = Made::new("bad").bytes();
    let (machine, number) = other(|one, mine| one.number != mine.number);
    let class = other(|one, mine| one.wide != mine.wide);
    let mut turned = target(own());
    turned.big_endian = !turned.big_endian;
    let misfit = |name: &str| format!("built for {name}, this node is {}", own());
    vec![
        ("empty.gplugin", Vec::new(), "an empty file".into()),
        (
            "text.gplugin",
            b"return {}\n".to_vec(),
            "a text file, not a shared object".into(),
        ),
        ("bytes.gplugin", vec![0xfe; 100], "not an ELF file".into()),
        (
            "cut.gplugin",
            whole[..whole.len() - 60].to_vec(),
            "an ELF file that ends too early: it has".into(),
        ),
        (
            "head.gplugin",
            whole[..40].to_vec(),
            "an ELF file that ends too early: it has 40 bytes".into(),
        ),
        (
            "machine.gplugin",
            of(&|made| made.machine = number),
            misfit(machine),
        ),
        (
            "class.gplugin",
            of(&|made| made.machine = class.1),
            misfit(class.0),
        ),
        (
            "order.gplugin",
            of(&|made| made.machine = turned),
            "built for ".into(),
        ),
        (
            "program.gplugin",
            of(&|made| made.kind = 2),
            "a program, not a shared object".into(),
        ),
        (
            "library.gplugin",
            of(&|made| made.described = false),
            "a library without a gshell descriptor".into(),
        ),
        (
            "old.gplugin",
            of(&|made| made.abi = 0),
            "too old: built for plugin ABI 0".into(),
        ),
        (
            "new.gplugin",
            of(&|made| made.abi = 2),
            "too new: built for plugin ABI 2".into(),
        ),
        (
            "needs.gplugin",
            of(&|made| made.needs = 999),
            "too new: it needs plugin ABI 1.999".into(),
        ),
        (
            "name.gplugin",
            of(&|made| made.name = "../bad"),
            "a plugin with the name \"../bad\"".into(),
        ),
        (
            "version.gplugin",
            of(&|made| made.version = "a\nb"),
            "with the version \"a\\nb\"".into(),
        ),
    ]
}

#[test]
fn each_bad_file_has_one_line_with_its_reason_and_the_others_are_listed() {
    let plugins = Plugins::new();
    plugins.write("good.gplugin", &Made::new("good").bytes());
    for (name, data, _) in bad_files() {
        plugins.write(name, &data);
    }
    let listed = plugins.listed();
    assert_eq!(listed.len(), bad_files().len() + 1, "{listed:?}");
    let page = plugins.run(&["list"]);
    let page = page.ok();
    for (file, _, why) in bad_files() {
        let (_, _, reason) = listed.iter().find(|(path, ..)| path == file).unwrap();
        assert!(reason.contains(&why), "{file}: {reason}");
        let lines: Vec<&str> = page
            .lines()
            .filter(|line| line.contains(&format!("/{file}")))
            .collect();
        assert!(lines.len() == 1 && lines[0].ends_with(reason), "{lines:?}");
    }
    assert!(listed.contains(&("good.gplugin".into(), "good".into(), String::new())));
    let good = page.lines().find(|line| line.ends_with("/good.gplugin")).unwrap();
    assert!(good.starts_with("good ") && good.contains(own()), "{good}");
}

#[test]
fn check_says_what_a_file_is_and_fails_when_one_does_not_fit() {
    let plugins = Plugins::new();
    let good = plugins.write("good.gplugin", &Made::new("example.org/good").bytes());
    let said = plugins.run(&["check", &good]).ok().to_owned();
    let want = format!("{good}: example.org/good 1.0.0 for {}, ABI 1.0, ", own());
    assert!(
        said.starts_with(&want) && said.ends_with("this node takes it"),
        "{said}"
    );
    let mut words = vec!["check".to_owned(), good.clone()];
    for (name, data, _) in bad_files() {
        words.push(plugins.write(name, &data));
    }
    words.push(plugins.folder().join("none.gplugin").display().to_string());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let out = plugins.run(&words);
    assert_eq!((out.code, out.stdout.lines().count()), (Some(5), 1), "{out:#?}");
    let told: Vec<&str> = out.stderr.lines().collect();
    assert_eq!(told.len(), words.len() - 2, "a line each: {out:#?}");
    for ((name, _, why), line) in bad_files().iter().zip(&told) {
        let file = plugins.folder().join(name).display().to_string();
        assert!(
            line.starts_with(&format!("gshell: {file}: ")) && line.contains(why),
            "{line}"
        );
    }
    assert!(
        told[told.len() - 1].ends_with("none.gplugin: cannot be read: No such file or directory"),
        "{told:?}"
    );
    let all = json(&plugins.run(&[&["--json"], words.as_slice()].concat()).stdout);
    assert_eq!(all.as_array().unwrap().len(), words.len() - 1);
    assert_eq!(
        (&all[0]["fits"], &all[1]["fits"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
}

#[test]
fn nothing_bad_is_installed() {
    let plugins = Plugins::new();
    for (name, data, why) in bad_files() {
        let from = plugins.node.work_dir().join(name);
        fs::write(&from, data).unwrap();
        let from = from.display().to_string();
        let out = plugins.run(&["install", &from]);
        assert_eq!(
            out.fails(&["cannot install", &from, &why]).code,
            Some(5),
            "{out:#?}"
        );
        assert_eq!(out.stderr.lines().count(), 1, "{out:#?}");
    }
    assert_eq!(plugins.files(), [""; 0]);
}

#[test]
fn the_first_file_of_a_name_counts() {
    let plugins = Plugins::new();
    let first = plugins.write("a/echo.gplugin", &Made::new("example.org/echo").bytes());
    plugins.write("b.gplugin", &Made::new("example.org.echo").bytes());
    plugins.write("c.so", &Made::new("other").bytes());
    let taken = format!("example.org.echo is already there, from {first}");
    let want = [
        (
            "a/echo.gplugin".to_owned(),
            "example.org/echo".to_owned(),
            String::new(),
        ),
        ("b.gplugin".to_owned(), "example.org.echo".to_owned(), taken),
    ];
    assert_eq!(plugins.listed(), want);
}

#[test]
fn folders_come_from_the_option_or_else_the_variable() {
    let mut plugins = Plugins::new();
    let folders = |plugins: &Plugins, words: &[&str]| -> Vec<String> {
        let all = json(&plugins.node.ok(&[words, &["plugin", "list", "--json"]].concat()));
        let folders = all["folders"].as_array().unwrap().iter();
        folders
            .map(|folder| folder.as_str().unwrap().to_owned())
            .collect()
    };
    let system = "/usr/lib/gshell/plugins";
    assert_eq!(folders(&plugins, &[]).last().unwrap(), system);
    plugins.node.set_env("GSHELL_PLUGIN_DIR", "/v/1:/v/2");
    assert_eq!(folders(&plugins, &[])[..2], ["/v/1", "/v/2"]);
    let of_option = folders(&plugins, &["--plugin-dir", "/o::rel"]);
    let rel = plugins.node.work_dir().join("rel").display().to_string();
    assert_eq!(of_option[..2], ["/o", &rel]);
    assert!(!of_option.contains(&"/v/1".to_owned()) && of_option.last().unwrap() == system);
}

#[test]
fn a_folder_that_cannot_be_read_is_told_and_the_others_are_listed() {
    let plugins = Plugins::new();
    plugins.write("good.gplugin", &Made::new("good").bytes());
    let file = plugins.write("file", b"");
    plugins.write("closed/hidden.gplugin", &Made::new("hidden").bytes());
    let closed = plugins.folder().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // For root, every folder can be read; one below a file can be by nobody.
    let readable = fs::read_dir(&closed).is_ok();
    let all = format!("{file}:{file}/below:{}", plugins.folder().display());
    let page = plugins.node.ok(&["--plugin-dir", &all, "plugin", "list"]);
    let line = |end: &str| page.lines().filter(|line| line.ends_with(end)).count() == 1;
    assert!(line(&format!("{file}: not a folder")), "{page}");
    assert!(
        line(&format!("{file}/below: cannot be read: Not a directory")),
        "{page}"
    );
    assert_eq!(
        line(&format!(
            "{}: cannot be read: Permission denied",
            closed.display()
        )),
        !readable,
        "{page}"
    );
    assert!(line("/good.gplugin"), "{page}");
}

#[test]
fn a_removed_plugin_is_gone_and_the_next_one_counts() {
    let plugins = Plugins::new();
    let first = plugins.write("example.org/echo.gplugin", &Made::new("example.org/echo").bytes());
    let second = plugins.write("z.gplugin", &Made::new("example.org/echo").bytes());
    plugins.run(&["rm", "example.org/ech"]).fails(&[
        "no plugin in the folders is called",
        "did you mean 'example.org/echo'",
    ]);
    let said = plugins.run(&["rm", "example.org/echo"]).ok().to_owned();
    assert_eq!(
        said,
        format!("removed {first}; {second} now counts for example.org/echo")
    );
    assert_eq!(plugins.files(), ["z.gplugin"], "its folder went with it");
    assert_eq!(
        plugins.run(&["rm", "example.org/echo"]).ok(),
        format!("removed {second}")
    );
    assert_eq!(plugins.run(&["rm", "example.org/echo"]).code, Some(3));
}
