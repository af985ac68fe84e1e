//! Groups as a whole: listing, removal, layout versions.

use std::fs;

use super::{GROUP, ID, OTHER, TempDir, job, package, spec, store};
use crate::store::{Packages, Store, StoreError, groups, open_layout, pack, packages_in_use};

#[test]
fn a_new_folder_gets_a_layout() {
    let dir = TempDir::new();
    let state = dir.path().join("deep/state");
    assert_eq!(open_layout(&state).unwrap(), [""; 0]);
    assert_eq!(fs::read_to_string(state.join("layout")).unwrap(), "1\n");
    assert_eq!(dir.list("deep/state"), ["groups", "layout", "packages"]);
    assert_eq!(open_layout(&state).unwrap(), [""; 0]);
}

#[test]
fn a_newer_layout_is_left_alone() {
    let dir = TempDir::new();
    fs::write(dir.path().join("layout"), "2\n").unwrap();
    let error = open_layout(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NewerLayout {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("newer gshell"), "{error}");
    assert_eq!(dir.list(""), ["layout"]);
}

#[test]
fn a_damaged_layout_file_is_set_aside() {
    for damage in ["", "0", "x", "99999999999", "-1"] {
        let dir = TempDir::new();
        fs::write(dir.path().join("layout"), damage).unwrap();
        assert_eq!(open_layout(dir.path()).unwrap().len(), 1, "{damage:?}");
        assert_eq!(dir.list("aside"), ["layout"]);
        assert_eq!(open_layout(dir.path()).unwrap(), [""; 0]);
    }
}

#[test]
fn groups_are_listed_and_removed() {
    let dir = TempDir::new();
    open_layout(dir.path()).unwrap();
    let web = store(&dir);
    let db = Store::open(dir.path(), "db-0.2.0").unwrap();
    fs::create_dir(dir.path().join("groups/lost+found")).unwrap();
    let names: Vec<String> = groups(dir.path())
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["db-0.2.0", GROUP]);
    web.save(&job(ID)).unwrap();
    web.save_spec(&spec()).unwrap();
    let _lock = web.lock("1").unwrap();
    web.remove_group().unwrap();
    web.remove_group().unwrap();
    assert_eq!(dir.list("groups"), ["db-0.2.0", "lost+found"]);
    assert!(
        web.load().unwrap().jobs.is_empty(),
        "a folder that is gone is empty"
    );
    assert!(db.dir().exists());
}

#[test]
fn a_removal_that_was_interrupted_is_finished() {
    let dir = TempDir::new();
    let store = store(&dir);
    store.save(&job(ID)).unwrap();
    fs::rename(store.dir(), dir.path().join("groups").join(format!("~{GROUP}"))).unwrap();
    assert_eq!(groups(dir.path()).unwrap(), []);
    assert_eq!(open_layout(dir.path()).unwrap(), [""; 0]);
    assert_eq!(dir.list("groups"), [""; 0]);
}

#[test]
fn one_process_has_the_folder() {
    let dir = TempDir::new();
    let store = store(&dir);
    let lock = store.lock("4711").unwrap();
    let error = store.lock("4712").unwrap_err().to_string();
    assert!(error.contains("4711") && error.contains(".lock"), "{error}");
    drop(lock);
    assert!(store.lock("4712").is_ok());
}

#[test]
fn bad_names_reach_no_file() {
    let dir = TempDir::new();
    for bad in ["", "web", "../x-1", "a/b-1", "a-..//"] {
        assert!(
            matches!(Store::open(dir.path(), bad), Err(StoreError::Invalid(_))),
            "{bad:?}"
        );
    }
    let bad = gshell_control::Job {
        id: "../x".to_owned(),
        ..job(ID)
    };
    assert!(matches!(store(&dir).save(&bad), Err(StoreError::Invalid(_))));
}

#[test]
fn packages_in_use_are_those_of_all_records() {
    let dir = TempDir::new();
    let packages = Packages::at(dir.path());
    let hash = |code: &[u8]| {
        packages
            .put(&pack(&package(&[("a", code)], "a", false)).unwrap())
            .unwrap()
    };
    let (first, second, third) = (hash(b"1"), hash(b"2"), hash(b"3"));
    let with = |id: &str, group: &str, package: &str| gshell_control::Job {
        group: group.to_owned(),
        package: package.to_owned(),
        ..job(id)
    };
    store(&dir).save(&with(ID, GROUP, &first)).unwrap();
    let db = Store::open(dir.path(), "db-0.2.0").unwrap();
    db.save(&with(OTHER, "db-0.2.0", &second)).unwrap();
    let live = packages_in_use(dir.path()).unwrap().unwrap();
    assert_eq!(packages.collect(&live).unwrap(), 1);
    assert!(packages.get(&first).is_ok() && packages.get(&second).is_ok());
    assert!(packages.get(&third).unwrap_err().is_not_found());
    fs::write(db.dir().join(format!("{ID}.job")), b"bad").unwrap();
    assert_eq!(
        packages_in_use(dir.path()).unwrap(),
        None,
        "nobody knows what the bad one needs"
    );
}

#[test]
fn a_deleted_folder_is_made_again_by_the_next_record() {
    let dir = TempDir::new();
    open_layout(dir.path()).unwrap();
    let store = store(&dir);
    store.save(&job(ID)).unwrap();
    fs::remove_dir_all(store.dir()).unwrap();
    assert!(store.save(&job(ID)).unwrap());
    assert_eq!(store.load().unwrap().jobs.len(), 1);
}
