//! Files cut off at every byte.

use std::fs;

use super::{GROUP, ID, OTHER, TempDir, job, spec, store};
use crate::store::record::{JOB_MAGIC, seal};
use crate::store::{Record, RecordError, decode_job, decode_record, decode_spec, encode_job, encode_spec};

/// A record of an environment with any version and body, and a right checksum.
fn job_record(version: u16, body: &[u8]) -> Result<Vec<u8>, RecordError> {
    seal(JOB_MAGIC, version, body)
}

#[test]
fn records_go_both_ways() {
    let bytes = encode_job(&job(ID)).unwrap();
    assert_eq!(decode_job(&bytes), Ok(job(ID)));
    assert_eq!(decode_record(&bytes), Ok(Record::Job(Box::new(job(ID)))));
    let bytes = encode_spec(&spec()).unwrap();
    assert_eq!(decode_spec(&bytes), Ok(spec()));
    assert_eq!(decode_record(&bytes), Ok(Record::Spec(spec())));
}

#[test]
fn no_truncated_or_changed_record_reads() {
    for good in [encode_job(&job(ID)).unwrap(), encode_spec(&spec()).unwrap()] {
        for length in 0..good.len() {
            assert!(decode_record(&good[..length]).is_err(), "{length} bytes");
        }
        assert!(decode_record(&[&good[..], b"x"].concat()).is_err());
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(decode_record(&bad).is_err(), "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn a_right_checksum_does_not_make_a_record() {
    let body = encode_job(&job(ID))
        .unwrap()
        .split_off(crate::store::record::HEADER);
    for length in 0..body.len() {
        let record = job_record(1, &body[..length]).unwrap();
        assert!(
            matches!(decode_job(&record), Err(RecordError::Body(_))),
            "{length} bytes"
        );
    }
    let longer = job_record(1, &[&body[..], b"x"].concat()).unwrap();
    assert!(matches!(decode_job(&longer), Err(RecordError::Body(_))));
    // A list that claims four billion entries.
    let lie = job_record(1, &[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap();
    assert!(matches!(decode_job(&lie), Err(RecordError::Body(_))));
    assert_eq!(
        decode_job(&job_record(0, &body).unwrap()),
        Err(RecordError::Version { found: 0 })
    );
    let newer = decode_job(&job_record(2, &body).unwrap());
    assert_eq!(newer, Err(RecordError::Newer { found: 2, known: 1 }));
}

#[test]
fn a_record_that_is_too_long_is_not_written() {
    let mut long = job(ID);
    long.args = vec!["x".repeat(300_000)];
    let dir = TempDir::new();
    let store = store(&dir);
    let error = store.save(&long).unwrap_err().to_string();
    assert!(error.contains("more than the 262144"), "{error}");
    assert_eq!(dir.list(&format!("groups/{GROUP}")), [""; 0]);
}

/// Writes `bytes` as a record file of the group.
fn plant(dir: &TempDir, name: &str, bytes: &[u8]) {
    fs::write(dir.path().join("groups").join(GROUP).join(name), bytes).unwrap();
}

#[test]
fn every_truncated_job_is_set_aside_and_takes_nothing_with_it() {
    let good = encode_job(&job(ID)).unwrap();
    for length in 0..good.len() {
        let dir = TempDir::new();
        let store = store(&dir);
        plant(&dir, &format!("{OTHER}.job"), &encode_job(&job(OTHER)).unwrap());
        plant(&dir, &format!("{ID}.job"), &good[..length]);
        let loaded = store.load().unwrap();
        assert_eq!(loaded.jobs, [job(OTHER)], "{length} bytes");
        assert_eq!(loaded.reports.len(), 1, "{:?}", loaded.reports);
        assert!(
            loaded.reports[0].contains(&format!("{ID}.job")),
            "{:?}",
            loaded.reports
        );
        assert_eq!(dir.list("aside"), [format!("{GROUP}.{ID}.job")]);
        assert!(store.load().unwrap().reports.is_empty(), "it is reported once");
    }
}

#[test]
fn the_generation_before_replaces_a_truncated_one() {
    let good = encode_job(&job(ID)).unwrap();
    let mut before = job(ID);
    before.restarts = 99;
    for length in 0..good.len() {
        let dir = TempDir::new();
        let store = store(&dir);
        plant(&dir, &format!("{ID}.job.old"), &encode_job(&before).unwrap());
        plant(&dir, &format!("{ID}.job"), &good[..length]);
        let loaded = store.load().unwrap();
        assert_eq!(loaded.jobs, [before.clone()], "{length} bytes");
        assert!(
            loaded.reports.last().unwrap().contains("generation before"),
            "{:?}",
            loaded.reports
        );
        assert_eq!(dir.list(&format!("groups/{GROUP}")), [format!("{ID}.job")]);
        let again = store.load().unwrap();
        assert_eq!((again.jobs, again.reports.len()), (vec![before.clone()], 0));
    }
}

#[test]
fn every_truncated_specification_is_set_aside() {
    let good = encode_spec(&spec()).unwrap();
    for length in 0..good.len() {
        let dir = TempDir::new();
        let store = store(&dir);
        plant(&dir, "spec", &good[..length]);
        plant(&dir, &format!("{ID}.job"), &encode_job(&job(ID)).unwrap());
        let loaded = store.load().unwrap();
        assert_eq!(
            (loaded.spec, loaded.jobs),
            (None, vec![job(ID)]),
            "{length} bytes"
        );
        assert_eq!(dir.list("aside"), [format!("{GROUP}.spec")]);
    }
}

#[test]
fn both_generations_bad_is_one_job_less() {
    let dir = TempDir::new();
    let store = store(&dir);
    plant(&dir, &format!("{ID}.job"), b"");
    plant(&dir, &format!("{ID}.job.old"), b"GSjb");
    plant(&dir, &format!("{OTHER}.job"), &encode_job(&job(OTHER)).unwrap());
    let loaded = store.load().unwrap();
    assert_eq!((loaded.jobs.len(), loaded.reports.len()), (1, 2));
    assert_eq!(dir.list("aside").len(), 2);
}

#[test]
fn records_of_others_and_of_newer_versions_are_set_aside() {
    let mut elsewhere = job(ID);
    elsewhere.group = "db-0.1.0".to_owned();
    let body = encode_job(&job(ID))
        .unwrap()
        .split_off(crate::store::record::HEADER);
    for (bytes, said) in [
        (encode_job(&job(OTHER)).unwrap(), OTHER),
        (encode_job(&elsewhere).unwrap(), "db-0.1.0"),
        (job_record(7, &body).unwrap(), "version 7 of a newer gshell"),
        (encode_spec(&spec()).unwrap(), "does not start as a record"),
        (vec![0; 300_000], "262144 are allowed"),
    ] {
        let dir = TempDir::new();
        let store = store(&dir);
        plant(&dir, &format!("{ID}.job"), &bytes);
        let loaded = store.load().unwrap();
        assert!(loaded.jobs.is_empty());
        assert!(loaded.reports[0].contains(said), "{:?}", loaded.reports);
        assert_eq!(dir.list("aside").len(), 1);
    }
}

#[test]
fn a_folder_in_the_place_of_a_record_is_set_aside() {
    let dir = TempDir::new();
    let store = store(&dir);
    fs::create_dir(store.dir().join(format!("{ID}.job"))).unwrap();
    let loaded = store.load().unwrap();
    assert!(
        loaded.reports[0].contains("no plain file"),
        "{:?}",
        loaded.reports
    );
    assert_eq!(dir.list("aside").len(), 1);
}

#[test]
fn set_aside_files_are_bounded_and_never_overwritten() {
    let dir = TempDir::new();
    let store = store(&dir);
    for n in 0..70_u8 {
        plant(&dir, &format!("{ID}.job"), &[n]);
        let reports = store.load().unwrap().reports;
        assert_eq!(reports[0].contains("deleted"), n >= 64, "{reports:?}");
    }
    assert_eq!(dir.list("aside").len(), 64);
    let first = fs::read(dir.path().join("aside").join(format!("{GROUP}.{ID}.job"))).unwrap();
    assert_eq!(first, [0]);
}

#[test]
fn peeking_changes_nothing() {
    let dir = TempDir::new();
    let store = store(&dir);
    plant(&dir, &format!("{ID}.job"), b"bad");
    plant(&dir, &format!("{ID}.job.old"), &encode_job(&job(ID)).unwrap());
    plant(&dir, &format!("{OTHER}.job.tmp"), b"half");
    let before = dir.list(&format!("groups/{GROUP}"));
    let loaded = store.peek().unwrap();
    assert_eq!((loaded.jobs.len(), loaded.reports.len()), (1, 2));
    assert_eq!(dir.list(&format!("groups/{GROUP}")), before);
    assert_eq!(dir.list("aside"), [""; 0]);
}
