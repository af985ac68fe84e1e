//! Bundles: packed, checked, installed, and changed on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Plugins;
use super::made::{FIVE, Made, own};
use crate::output::json;

/// Packs version `version` of a plugin for the five targets; `None` when this build cannot pack.
fn packed(plugins: &Plugins, version: &str) -> Option<String> {
    let mut words = vec!["pack".to_owned()];
    for (name, machine) in FIVE {
        let made = Made {
            machine,
            version,
            ..Made::new("echo")
        };
        let path = plugins.node.work_dir().join(format!("{name}-{version}.gplugin"));
        fs::write(&path, made.bytes()).unwrap();
        words.push(path.display().to_string());
    }
    let bundle = plugins
        .node
        .work_dir()
        .join(format!("echo-{version}.gplugins"))
        .display()
        .to_string();
    words.extend(["-o".to_owned(), bundle.clone()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let out = plugins.run(&words);
    if out.stderr.contains("built without the feature tools") {
        return None;
    }
    let want = format!("packed echo {version} for aarch64, armv7, mips, mipsel, x86_64 as {bundle}");
    assert!(out.ok().starts_with(&want), "{out:#?}");
    Some(bundle)
}

#[test]
fn a_bundle_of_five_machines_gives_each_node_its_own_file() {
    let plugins = Plugins::new();
    let Some(bundle) = packed(&plugins, "1.0.0") else {
        return;
    };
    let same = fs::read(&bundle).unwrap();
    packed(&plugins, "1.0.0");
    assert!(
        fs::read(&bundle).unwrap() == same,
        "equal files make equal bundles"
    );
    let said = plugins.run(&["check", &bundle]).ok().to_owned();
    assert!(
        said.contains("a bundle of echo 1.0.0 for aarch64, armv7, mips, mipsel, x86_64; this node takes it"),
        "{said}"
    );

    let to = plugins.folder().join("echo.gplugin");
    let installed = format!("installed echo 1.0.0 for {} as {}", own(), to.display());
    assert_eq!(plugins.run(&["install", &bundle]).ok(), installed);
    assert_eq!(fs::read(&to).unwrap(), Made::new("echo").bytes());
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(plugins.files(), ["echo.gplugin"], "nothing else is left");
    let again = json(plugins.run(&["--json", "install", &bundle]).ok());
    assert_eq!(
        (&again["changed"], &again["before"]),
        (&false.into(), &"1.0.0".into())
    );

    let newer = packed(&plugins, "1.10.0").unwrap();
    let said = plugins.run(&["install", &newer]).ok().to_owned();
    assert!(said.ends_with("in place of 1.0.0"), "{said}");
    let said = plugins.run(&["install", &bundle]).ok().to_owned();
    assert!(said.ends_with("in place of 1.10.0, which is newer"), "{said}");
}

#[test]
fn a_bundle_without_this_machine_names_those_that_it_has() {
    let plugins = Plugins::new();
    if packed(&plugins, "1.0.0").is_none() {
        return;
    }
    let others = FIVE.iter().filter(|(name, _)| *name != own());
    let files: Vec<String> = others
        .map(|(name, _)| {
            plugins
                .node
                .work_dir()
                .join(format!("{name}-1.0.0.gplugin"))
                .display()
                .to_string()
        })
        .collect();
    let mut words = vec!["pack"];
    words.extend(files.iter().map(String::as_str));
    // Without -o, it is named after the plugin.
    plugins.run(&words).ok();
    let own_is = format!("this node is {}", own());
    for command in ["check", "install"] {
        let out = plugins.run(&[command, "echo.gplugins"]);
        assert_eq!(
            out.fails(&["echo.gplugins: a bundle for ", &own_is]).code,
            Some(5)
        );
    }
    words.push(&files[0]);
    plugins.run(&words).fails(&["two of the files are built for"]);
}

#[test]
fn a_changed_bundle_is_refused_and_nothing_is_installed() {
    let plugins = Plugins::new();
    let Some(bundle) = packed(&plugins, "1.0.0") else {
        return;
    };
    let whole = fs::read(&bundle).unwrap();
    let places = |what: &str| {
        let windows = whole.windows(what.len()).enumerate();
        let places: Vec<usize> = windows
            .filter(|(_, window)| *window == what.as_bytes())
            .map(|(at, _)| at)
            .collect();
        places
    };
    let place = |what: &str| places(what)[0];
    // Named in the manifest, and then in a header of 512 bytes.
    let of_own_file = places(&format!("{}/echo.gplugin", own()))[1] + 512;
    let change = |at: usize, with: &[u8]| {
        let mut data = whole.clone();
        data[at..at + with.len()].copy_from_slice(with);
        data
    };
    let content = whole[of_own_file + 200] ^ 1;
    for (data, why) in [
        (
            change(of_own_file + 200, &[content]),
            "has another hash than the manifest says",
        ),
        (change(place("\"armv7/echo"), b"\"../../echo"), "is not allowed"),
        (
            change(place("\"armv7\""), b"\"mips\" "),
            "it names two files for mips",
        ),
        (
            change(place("\"size\": "), b"\"size\":9"),
            "and the manifest says 9",
        ),
        (
            change(place("\"version\": \"1.0.0\""), b"\"version\": \"9.0.0\""),
            "the manifest says otherwise",
        ),
        (change(place("ustar"), b"USTAR"), "not an ELF file"),
        (whole[..whole.len() / 2].to_vec(), "a bundle that ends too early"),
        (
            [whole.as_slice(), b"more"].concat(),
            "more in it than the manifest names",
        ),
    ] {
        let path = plugins.node.work_dir().join("bad.gplugins").display().to_string();
        fs::write(&path, data).unwrap();
        let out = plugins.run(&["install", &path]);
        assert_eq!(
            out.fails(&["cannot install", &path, why]).code,
            Some(5),
            "{out:#?}"
        );
        assert_eq!(out.stderr.lines().count(), 1, "{out:#?}");
        plugins.run(&["check", &path]).fails(&[&path]);
    }
    assert_eq!(plugins.files(), [""; 0]);
}
