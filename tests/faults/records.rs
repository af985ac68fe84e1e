//! A state folder whose files do not read: the node starts, lists the rest, and says what it set aside.

use std::fs;
use std::path::{Path, PathBuf};

use gshell_tests::{DEADLINE, Node, proc, wait_until};

use crate::SLEEPER;

/// A state folder with records of every kind, whose processes have all been killed, and its files.
fn filled(node: &mut Node) -> Vec<String> {
    node.start_daemon();
    let running = node.run_script(&["-g", "ga"], SLEEPER, &["arg"]);
    let failed = node.run_script(&["-g", "ga"], "error 'purple'", &[]);
    let ok = node.run_script(&["-g", "gb"], "print 'x'", &[]);
    node.wait_status(&running, "running");
    node.wait_status(&failed, "exited:error");
    node.wait_status(&ok, "exited:ok");
    node.kill_everything();
    let files: Vec<String> = proc::files_below(&node.state_dir());
    assert!(files.iter().any(|file| file.ends_with(".job")), "{files:?}");
    files
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The pristine state folder, kept to begin each try with.
struct Pristine {
    kept: PathBuf,
    ids: Vec<String>,
}

impl Pristine {
    fn keep(node: &mut Node) -> Self {
        let kept = node.work_dir().join("pristine");
        copy_dir(&node.state_dir(), &kept);
        node.start_daemon();
        let ids = node.ps().into_iter().map(|job| job.id).collect();
        node.kill_everything();
        Self { kept, ids }
    }

    /// Starts the node with `bytes` in the place of one file and checks that everything else is there.
    fn try_with(&self, node: &mut Node, file: &str, bytes: Option<&[u8]>) {
        fs::remove_dir_all(node.state_dir()).unwrap();
        fs::remove_dir_all(node.run_dir()).unwrap();
        copy_dir(&self.kept, &node.state_dir());
        let path = node.state_dir().join(file);
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        node.start_daemon();
        let listed: Vec<String> = node.ps().into_iter().map(|job| job.id).collect();
        let what = bytes.map(<[u8]>::len);
        for id in self.ids.iter().filter(|id| !file.contains(id.as_str())) {
            assert!(
                listed.contains(id),
                "{file} with {what:?} bytes: {id} is not in {listed:?}"
            );
        }
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        if name.ends_with(".job") && bytes.is_some() {
            let log = node.ok(&["log", "daemon"]);
            assert!(
                log.contains(name) && log.contains("does not read"),
                "{file} with {what:?} bytes: {log}"
            );
        }
        node.kill_everything();
    }
}

#[test]
fn truncated_files() {
    let mut node = Node::unstarted();
    let files = filled(&mut node);
    let pristine = Pristine::keep(&mut node);
    let mut tried = 0;
    for file in files.iter().filter(|file| !file.ends_with("lock")) {
        let bytes = fs::read(pristine.kept.join(file)).unwrap();
        let length = bytes.len();
        let mut lengths: Vec<usize> = [
            0,
            1,
            4,
            8,
            16,
            32,
            length / 3,
            length / 2,
            length.saturating_sub(5),
            length.saturating_sub(1),
        ]
        .into_iter()
        .filter(|cut| *cut < length)
        .collect();
        lengths.sort_unstable();
        lengths.dedup();
        for cut in lengths {
            pristine.try_with(&mut node, file, Some(&bytes[..cut]));
            tried += 1;
        }
    }
    println!("{tried} truncated files");
    assert!(tried > 20);
}

#[test]
fn changed_and_missing_files() {
    let mut node = Node::unstarted();
    let files = filled(&mut node);
    let pristine = Pristine::keep(&mut node);
    for file in files.iter().filter(|file| !file.ends_with("lock")) {
        let bytes = fs::read(pristine.kept.join(file)).unwrap();
        for at in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 0x41;
                pristine.try_with(&mut node, file, Some(&changed));
            }
        }
        pristine.try_with(&mut node, file, None);
    }
}

#[test]
fn foreign_files_are_let_be() {
    let mut node = Node::unstarted();
    filled(&mut node);
    let pristine = Pristine::keep(&mut node);
    let groups = node.state_dir().join("groups");
    fs::create_dir_all(groups.join("not a group")).unwrap();
    fs::write(groups.join("README"), "hello").unwrap();
    fs::write(node.state_dir().join("notes.txt"), "mine").unwrap();
    node.start_daemon();
    assert_eq!(node.ps().len(), pristine.ids.len());
    assert_eq!(
        fs::read_to_string(node.state_dir().join("notes.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn a_record_that_does_not_read_is_set_aside_by_its_group() {
    let mut node = Node::unstarted();
    filled(&mut node);
    let records = proc::files_below(&node.state_dir().join("groups/ga-0.1.0"));
    let record = records
        .iter()
        .find(|file| file.ends_with(".job"))
        .unwrap()
        .clone();
    let path = node.state_dir().join("groups/ga-0.1.0");
    fs::write(path.join(&record), "no record at all").unwrap();
    let _ = fs::remove_file(path.join(format!("{record}.old")));
    node.start_daemon();
    // The group opens its records when something is run in it.
    let id = node.run_script(&["-g", "ga"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let aside = proc::files_below(&node.state_dir().join("aside"));
    assert!(
        aside
            .iter()
            .any(|file| file.contains(record.trim_end_matches(".job"))),
        "{aside:?}"
    );
    let log = node.ok(&["log", "daemon"]) + &node.ok(&["log", "ga"]) + &node.ok(&["info"]);
    assert!(log.contains("aside"), "{log}");
}

#[test]
fn a_state_folder_of_a_later_layout_is_not_written_to() {
    let mut node = Node::unstarted();
    filled(&mut node);
    fs::write(node.state_dir().join("layout"), "9999\n").unwrap();
    let before = proc::files_below(&node.state_dir());
    let modified = |node: &Node| {
        let path = |file: &String| {
            node.state_dir()
                .join(file)
                .metadata()
                .unwrap()
                .modified()
                .unwrap()
        };
        before.iter().map(path).collect::<Vec<_>>()
    };
    let times = modified(&node);
    node.start_daemon();
    let log = node.ok(&["log", "daemon"]);
    assert!(log.contains("9999"), "it says why: {log}");
    node.run_script(&["-g", "volatile"], SLEEPER, &[]);
    assert_eq!(proc::files_below(&node.state_dir()), before);
    assert_eq!(modified(&node), times);
}

#[test]
fn a_group_folder_that_cannot_be_made_is_told_and_made_later() {
    let node = Node::start();
    let groups = node.state_dir().join("groups");
    let id = node.run_script(&["-g", "first"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let name = node.job(&id).group;
    node.ok(&["stop", &id]);
    node.ok(&["kill", "-f", "first"]);
    let folder = groups.join(&name);
    wait_until("the group is gone", DEADLINE, || node.groups().is_empty());
    let _ = fs::remove_dir_all(&folder);
    fs::write(&folder, "in the way").unwrap();
    let id = node.run_script(&["-g", "first"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    wait_until("it is shown as unsaved", DEADLINE, || unsaved(&node, &id));
    fs::remove_file(&folder).unwrap();
    wait_until("it is saved", DEADLINE, || !unsaved(&node, &id));
    assert!(folder.join(format!("{id}.job")).exists());
}

#[test]
fn a_deleted_group_folder_comes_back() {
    let node = Node::start();
    let id = node.run_script(&["-g", "gone"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let folder = node.state_dir().join("groups").join(node.job(&id).group);
    fs::remove_dir_all(&folder).unwrap();
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    assert!(folder.join(format!("{id}.job")).exists());
    assert!(!unsaved(&node, &id));
}

/// Whether the record of `id` waits for a disk that takes it.
fn unsaved(node: &Node, id: &str) -> bool {
    let jobs: serde_json::Value = serde_json::from_str(&node.ok(&["ps", "--json"])).unwrap();
    let jobs = jobs.as_array().unwrap();
    jobs.iter()
        .any(|job| job["id"] == id && !job["unsaved"].is_null())
}
