//! Last words: which environment a group is to go on without, and whose code ended it.
//!
//! A script that cannot be interrupted (a pattern match inside C, a finalizer that loops, a function of a plugin that never
//! returns) is left out by starting its group again without it. Code of a plugin that crashes ends its group, too. Whoever
//! ends the group, its own signal handlers or the daemon, leaves a note of fixed size; the daemon reads it before the next
//! start, counts what plugins did, and passes it on to the group.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gshell_plugin_host::{Identity, OPENING, parse_note_text};
use gshell_sys::note::{LEN, Note, Reason, Whose};
use gshell_sys::process::signal_name;

/// What the daemon leaves about an environment that did not end when it was told to; `None` for an ID that is none.
pub fn unstoppable(id: &str) -> Option<Note> {
    gshell_control::names::check_env_id(id).ok()?;
    Some(Note {
        id: Some(id.as_bytes().try_into().ok()?),
        reason: Reason::Unstoppable,
        whose: None,
    })
}

/// The environment that a note is about.
pub fn environment(note: &Note) -> Option<&str> {
    let id = std::str::from_utf8(note.id.as_ref()?).ok()?;
    gshell_control::names::check_env_id(id).ok().map(|()| id)
}

/// The plugin whose code it was, and which content of its file.
pub fn plugin(note: &Note) -> Option<(&str, Option<Identity>)> {
    parse_note_text(&note.whose.as_ref()?.owner)
}

/// What a plugin did, such as `crashed (SIGABRT) in echo.abort`; `None` when it was none.
pub fn deed(note: &Note) -> Option<String> {
    let (name, _) = plugin(note)?;
    let place = place(name, note.whose.as_ref()?);
    match note.reason {
        Reason::Crash(signal) => Some(format!("crashed ({}) {place}", signal_name(signal.into()))),
        Reason::InC | Reason::NotYieldable => Some(format!("did not return {place}")),
        Reason::Unstoppable => None,
    }
}

fn place(name: &str, whose: &Whose) -> String {
    match whose.part.as_str() {
        OPENING => "while it was opened".to_owned(),
        part => format!("in {name}.{part}"),
    }
}

/// What `ps` says about the environment.
pub fn text(note: &Note) -> String {
    let plugin = plugin(note).zip(deed(note));
    match (note.reason, plugin) {
        (Reason::Crash(_), Some(((name, _), deed))) => format!("plugin {name} {deed}"),
        (Reason::Crash(signal), None) => format!("crashed ({})", signal_name(signal.into())),
        (Reason::InC | Reason::NotYieldable, Some(((name, _), deed))) => {
            format!("killed: plugin {name} {deed} and blocked its group; the group was restarted without it")
        }
        (Reason::InC, None) => {
            "killed: it was busy inside one library function (such as a string pattern) and blocked its \
             group; the group was restarted without it"
                .to_owned()
        }
        (Reason::NotYieldable, None) => {
            "killed: it was busy where a script cannot be suspended (a comparison function, a metamethod, a \
             finalizer) and blocked its group; the group was restarted without it"
                .to_owned()
        }
        (Reason::Unstoppable, _) => {
            "killed: it did not end when told to; the group was restarted without it".to_owned()
        }
    }
}

/// What the group's last exit and its log say: what a plugin did, and for which environment. `None` when it was none.
pub fn group_text(note: &Note) -> Option<String> {
    let ((name, _), deed) = plugin(note).zip(deed(note))?;
    Some(match environment(note) {
        Some(id) => format!("plugin {name} {deed}, environment {id}"),
        None => format!("plugin {name} {deed}"),
    })
}

/// The note file of a group, below the runtime dir.
pub fn path(run_dir: &Path, group: &str) -> PathBuf {
    run_dir.join("groups").join(group).join("note")
}

/// Opens the note for signal handlers, which can only write to it.
pub fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Leaves a note.
pub fn write(path: &Path, note: &Note) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, note.encode())
}

/// Reads the note; anything that is no note is none.
pub fn peek(path: &Path) -> Option<Note> {
    let mut bytes = Vec::with_capacity(LEN + 1);
    let file = File::open(path).ok()?;
    file.take(LEN as u64 + 1).read_to_end(&mut bytes).ok()?;
    Note::parse(&bytes)
}

/// Reads and removes the note; anything that is no note is none.
pub fn take(path: &Path) -> Option<Note> {
    let note = peek(path);
    let _ = fs::remove_file(path);
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(reason: Reason, part: &str) -> Note {
        Note {
            id: Some(*b"0123456789ab"),
            reason,
            whose: Some(Whose {
                owner: "a/echo 10-000000ff".to_owned(),
                part: part.to_owned(),
            }),
        }
    }

    #[test]
    fn a_note_is_read_once() {
        let folder = std::env::temp_dir().join(format!("gsh-note-{}", std::process::id()));
        let file = path(&folder, "a-1");
        let left = unstoppable("0123456789ab").unwrap();
        write(&file, &left).unwrap();
        assert_eq!(peek(&file), Some(left.clone()));
        assert_eq!(take(&file), Some(left));
        assert_eq!(take(&file), None);
        open(&file).unwrap();
        assert_eq!(peek(&file), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn plugins_are_named() {
        let abort = signal_number("SIGABRT");
        let crash = note(Reason::Crash(abort), "abort");
        let identity = Identity { size: 16, sum: 255 };
        assert_eq!(plugin(&crash), Some(("a/echo", Some(identity))));
        assert_eq!(text(&crash), "plugin a/echo crashed (SIGABRT) in a/echo.abort");
        assert_eq!(
            group_text(&crash).unwrap(),
            "plugin a/echo crashed (SIGABRT) in a/echo.abort, environment 0123456789ab"
        );
        let opening = note(Reason::Crash(signal_number("SIGSEGV")), OPENING);
        assert_eq!(
            text(&opening),
            "plugin a/echo crashed (SIGSEGV) while it was opened"
        );
        let stuck = text(&note(Reason::InC, "forever"));
        assert!(
            stuck.contains("plugin a/echo did not return in a/echo.forever"),
            "{stuck}"
        );
    }

    #[test]
    fn without_a_plugin_nobody_is_named() {
        let mut stuck = note(Reason::InC, "");
        stuck.whose = None;
        assert!(text(&stuck).contains("string pattern"));
        assert_eq!((deed(&stuck), group_text(&stuck)), (None, None));
        // An ID that is none is nobody's.
        stuck.id = Some(*b"0123456789AB");
        assert_eq!(environment(&stuck), None);
        assert_eq!(unstoppable("0123456789AB"), None);
        assert_eq!(unstoppable("0123"), None);
    }

    fn signal_number(name: &str) -> u8 {
        gshell_sys::process::signal_by_name(name).unwrap() as u8
    }
}
