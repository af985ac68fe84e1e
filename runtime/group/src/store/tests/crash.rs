//! A crash between any two steps of a write: what the next start finds.

use std::fs;

use super::{GROUP, ID, OTHER, TempDir, job, spec, store};
use crate::store::slot::{STEPS, Slot, Step};
use crate::store::{Store, decode_job, encode_job};

/// Number `n` of the states that an environment is saved in.
fn generation(n: u32) -> gshell_control::Job {
    gshell_control::Job {
        restarts: n,
        ..job(ID)
    }
}

fn slot(store: &Store) -> Slot {
    Slot::new(store.dir().join(format!("{ID}.job")))
}

/// Saves generation 1 to `before` in full, then does the first `steps` steps of the next.
fn crashed(dir: &TempDir, before: u32, steps: usize) -> Store {
    let store = store(dir);
    for n in 1..=before {
        assert!(store.save(&generation(n)).unwrap());
    }
    let next = encode_job(&generation(before + 1)).unwrap();
    for step in &STEPS[..steps] {
        slot(&store).step(*step, &next).unwrap();
    }
    store
}

#[test]
fn a_crash_between_any_two_steps_keeps_the_old_or_the_new() {
    for before in 0..4 {
        for steps in 0..=STEPS.len() {
            let dir = TempDir::new();
            let store = crashed(&dir, before, steps);
            store.save(&job(OTHER)).unwrap();
            let loaded = store.load().unwrap();
            let renamed = STEPS[..steps].contains(&Step::RenameNew);
            let expected = if renamed { before + 1 } else { before };
            let found = loaded
                .jobs
                .iter()
                .find(|found| found.id == ID)
                .map_or(0, |found| found.restarts);
            assert_eq!(
                found, expected,
                "{before} generations, {steps} steps: {:?}",
                loaded.reports
            );
            assert_eq!(
                loaded.reports, [""; 0],
                "an interrupted save is nothing to report"
            );
            assert!(
                dir.list(&format!("groups/{GROUP}"))
                    .iter()
                    .all(|name| !name.ends_with(".tmp"))
            );
            // And it goes on from there.
            store.save(&generation(50)).unwrap();
            assert_eq!(store.load().unwrap().jobs.len(), 2);
        }
    }
}

#[test]
fn a_truncated_temporary_file_is_never_taken_for_a_record() {
    let bytes = encode_job(&generation(2)).unwrap();
    for length in (0..=bytes.len()).step_by(7) {
        let dir = TempDir::new();
        let store = crashed(&dir, 1, 0);
        fs::write(store.dir().join(format!("{ID}.job.tmp")), &bytes[..length]).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!((loaded.jobs, loaded.reports.len()), (vec![generation(1)], 0));
    }
}

#[test]
fn after_every_crash_a_bad_current_file_still_has_a_predecessor() {
    for steps in 0..=STEPS.len() {
        let dir = TempDir::new();
        let store = crashed(&dir, 2, steps);
        fs::write(store.dir().join(format!("{ID}.job")), b"garbled by the disk").unwrap();
        let loaded = store.load().unwrap();
        let linked = (STEPS[..steps].contains(&Step::LinkOld)) && !STEPS[..steps].contains(&Step::RenameNew);
        // While both names lead to one file, garbling it garbles both; otherwise the predecessor is there.
        if !linked {
            assert_eq!(loaded.jobs.len(), 1, "{steps} steps: {:?}", loaded.reports);
        }
    }
}

#[test]
fn without_links_a_crash_leaves_the_predecessor() {
    // What happens on such a filesystem: the current file moves to the place of the old one.
    let dir = TempDir::new();
    let store = crashed(&dir, 1, 1);
    fs::rename(
        store.dir().join(format!("{ID}.job")),
        store.dir().join(format!("{ID}.job.old")),
    )
    .unwrap();
    let loaded = store.load().unwrap();
    assert_eq!(loaded.jobs, [generation(1)]);
    assert_eq!(dir.list(&format!("groups/{GROUP}")), [format!("{ID}.job")]);
}

#[test]
fn two_names_of_one_file_do_not_stay() {
    // A crash after RenameOld leaves .job and .job.old as one file; the next save must not trip over that.
    let dir = TempDir::new();
    let store = crashed(&dir, 1, 3);
    for n in 2..5 {
        store.save(&generation(n)).unwrap();
    }
    assert_eq!(
        dir.list(&format!("groups/{GROUP}")),
        [format!("{ID}.job"), format!("{ID}.job.old")]
    );
    let old = fs::read(store.dir().join(format!("{ID}.job.old"))).unwrap();
    assert_eq!(decode_job(&old).unwrap(), generation(3));
}

#[test]
fn a_crash_while_removing_leaves_no_ghost() {
    let dir = TempDir::new();
    let store = crashed(&dir, 3, 1);
    // The older generations go first, so what is left is either the record or nothing.
    fs::remove_file(store.dir().join(format!("{ID}.job.old"))).unwrap();
    assert_eq!(store.load().unwrap().jobs, [generation(3)]);
    assert!(store.remove(ID).unwrap());
    assert!(!store.remove(ID).unwrap());
    assert_eq!(dir.list(&format!("groups/{GROUP}")), [""; 0]);
    assert!(store.remove("../../etc/pw").is_err());
}

#[test]
fn the_same_bytes_are_not_written_twice() {
    let dir = TempDir::new();
    let store = store(&dir);
    assert!(store.save(&generation(1)).unwrap());
    assert!(!store.save(&generation(1)).unwrap());
    assert!(
        !Store::open(dir.path(), GROUP)
            .unwrap()
            .save(&generation(1))
            .unwrap(),
        "nor by the next process"
    );
    assert!(store.save(&generation(2)).unwrap());
    assert!(store.save_spec(&spec()).unwrap());
    assert!(!store.save_spec(&spec()).unwrap());
    assert_eq!(store.load().unwrap().spec, Some(spec()));
    // What is not in the record does not count as a change.
    let unsaved = gshell_control::Job {
        unsaved: Some("disk full".to_owned()),
        ..generation(2)
    };
    assert!(!store.save(&unsaved).unwrap());
}

#[test]
fn a_save_that_fails_is_repeated_in_full() {
    let dir = TempDir::new();
    let store = store(&dir);
    store.save(&generation(1)).unwrap();
    // A folder in the place of the temporary file stands for a disk that refuses.
    let obstacle = store.dir().join(format!("{ID}.job.tmp"));
    fs::create_dir(&obstacle).unwrap();
    let error = store.save(&generation(2)).unwrap_err().to_string();
    assert!(
        error.contains("cannot make") && error.contains(&format!("{ID}.job.tmp")),
        "{error}"
    );
    assert_eq!(store.peek().unwrap().jobs, [generation(1)]);
    fs::remove_dir(&obstacle).unwrap();
    assert!(
        store.save(&generation(1)).unwrap(),
        "the same bytes, but nobody knows what became of them"
    );
    assert!(!store.save(&generation(1)).unwrap());
}
