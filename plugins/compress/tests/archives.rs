//! tar and zip: what goes in comes out, and nothing comes out elsewhere.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use std::io::Write;

use common::{Folder, assert_same, done, refused, tree};
use gshell_plugin_compress::PLUGIN;
use gshell_plugin_sdk::{Code, Value};

/// An entry of a tar as it is not made by honest programs.
struct Evil {
    kind: u8,
    name: &'static [u8],
    target: &'static [u8],
    content: &'static [u8],
}

const FILE: Evil = Evil {
    kind: b'0',
    name: b"f",
    target: b"",
    content: b"x",
};

/// Header and content, by the format of tar.
fn raw(evil: &Evil) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, evil.name);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", evil.content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(156, &[evil.kind]);
    put(157, evil.target);
    put(257, b"ustar\x0000");
    put(148, b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(evil.content);
    block.resize(block.len().div_ceil(512) * 512, 0);
    block
}

fn tar(entries: &[Evil]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(raw).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn options(fields: &[(&'static str, Value)]) -> Value {
    Value::fields(fields.iter().cloned())
}

#[test]
fn folders_come_back() {
    for (kind, name) in [("tar", "x.tar"), ("tar", "x.tar.gz"), ("zip", "x.zip")] {
        let folder = tree();
        let created = done(&format!("{kind}_create"), &[folder.at(name), folder.at("in")]);
        assert_eq!(created.get("entries"), Some(&7.into()), "{name}");
        assert_eq!(created.get("bytes"), Some(&100_013.into()), "{name}");
        let extracted = done(&format!("{kind}_extract"), &[folder.at(name), folder.at("out")]);
        assert_eq!(extracted.get("entries"), Some(&7.into()), "{name}");
        assert_same(&folder);
        // Once more, over what is there.
        done(&format!("{kind}_extract"), &[folder.at(name), folder.at("out")]);
        assert_same(&folder);
        assert_eq!(folder.read(name).starts_with(&[0x1f, 0x8b]), name.ends_with("gz"));
        assert_eq!(folder.names("."), ["in", "out", name], "nothing else is left");
        let content = done(&format!("{kind}_read"), &[folder.at(name), "./a/one.txt".into()]);
        assert_eq!(content, "one".into());
        let (code, text) = refused(&format!("{kind}_read"), &[folder.at(name), "a/no".into()]);
        assert_eq!(code, Code::NotFound, "{text}");
        let (code, text) = refused(
            &format!("{kind}_read"),
            &[folder.at(name), "a/one.txt".into(), 2.into()],
        );
        assert_eq!(code, Code::Limit);
        assert!(
            text.contains("entry a/one.txt: its content: it has more than 2 bytes"),
            "{text}"
        );
        assert!(
            refused(&format!("{kind}_read"), &[folder.at(name), "a".into()])
                .1
                .contains("it is no file")
        );
    }
}

#[test]
fn lists_tell_of_entries() {
    for (kind, name) in [("tar", "x.tgz"), ("zip", "x.zip")] {
        let folder = tree();
        done(
            &format!("{kind}_create"),
            &[
                folder.at(name),
                folder.at("in"),
                options(&[("names", Value::list(["a"]))]),
            ],
        );
        let list = done(&format!("{kind}_list"), &[folder.at(name)]);
        let Value::Table(entries) = &list else {
            unreachable!("a list is a table");
        };
        let told: Vec<(String, &Value, &Value)> = entries
            .iter()
            .map(|(_, entry)| {
                let name = entry.get("name").and_then(Value::as_str).unwrap();
                (
                    name.trim_end_matches('/').to_owned(),
                    entry.get("kind").unwrap(),
                    entry.get("size").unwrap(),
                )
            })
            .collect();
        let size = |index: usize| told[index].2;
        let names: Vec<&str> = told.iter().map(|told| told.0.as_str()).collect();
        assert_eq!(
            names,
            ["a", "a/b", "a/b/two.bin", "a/link", "a/one.txt"],
            "{kind}"
        );
        assert_eq!(
            (told[0].1, told[2].1, told[3].1),
            (&"folder".into(), &"file".into(), &"link".into())
        );
        assert_eq!((size(2), size(4)), (&100_000.into(), &3.into()));
        let one = list.get(5).unwrap();
        assert_eq!(one.get("modified"), Some(&1_700_000_000.into()));
        assert_eq!(
            one.get("mode"),
            Some(&0o640.into())
                .filter(|_| kind == "tar")
                .or(Some(&0o640.into()))
        );
        assert_eq!(list.get(4).unwrap().get("target"), Some(&"../run.sh".into()));
        assert_eq!(
            refused(&format!("{kind}_list"), &[folder.at(name), 4.into()]).0,
            Code::Limit
        );
    }
}

#[test]
fn limits_hold_before_anything_is_written() {
    for (kind, name) in [("tar", "x.tar"), ("zip", "x.zip")] {
        let folder = tree();
        done(&format!("{kind}_create"), &[folder.at(name), folder.at("in")]);
        for (option, expected) in [("limit", "more than 5 bytes"), ("entries", "more than 5 entries")] {
            let arguments = [folder.at(name), folder.at("out"), options(&[(option, 5.into())])];
            let (code, text) = refused(&format!("{kind}_extract"), &arguments);
            assert_eq!(code, Code::Limit);
            assert!(text.contains(expected) && text.contains("entry "), "{text}");
            assert_eq!(folder.names("out"), [""; 0]);
        }
    }
}

#[test]
fn a_tar_stays_in_its_folder() {
    for (entries, expected) in [
        (
            vec![Evil {
                name: b"../f",
                ..FILE
            }],
            "it leaves the folder by \"..\"",
        ),
        (
            vec![Evil {
                name: b"a/../../f",
                ..FILE
            }],
            "it leaves the folder by \"..\"",
        ),
        (
            vec![Evil {
                name: b"/tmp/f",
                ..FILE
            }],
            "it is absolute",
        ),
        (
            vec![Evil {
                kind: b'2',
                name: b"l",
                target: b"/etc",
                ..FILE
            }],
            "it links to /etc, which is outside",
        ),
        (
            vec![Evil {
                kind: b'2',
                name: b"l",
                target: b"../x",
                ..FILE
            }],
            "which is outside of the folder",
        ),
        (
            vec![Evil {
                kind: b'2',
                name: b"a/l",
                target: b"b/../../..",
                ..FILE
            }],
            "which may lead out",
        ),
        (
            // The link stays inside, but what follows goes through it.
            vec![
                Evil {
                    kind: b'2',
                    name: b"l",
                    target: b"a",
                    content: b"",
                },
                Evil { name: b"l/f", ..FILE },
            ],
            "is a link on its way",
        ),
        (
            vec![
                Evil {
                    kind: b'2',
                    name: b"l",
                    target: b"a",
                    content: b"",
                },
                Evil {
                    kind: b'1',
                    name: b"h",
                    target: b"l/f",
                    ..FILE
                },
            ],
            "is a link on its way",
        ),
        (
            vec![Evil {
                kind: b'1',
                name: b"h",
                target: b"/etc/passwd",
                ..FILE
            }],
            "its target /etc/passwd: it is absolute",
        ),
        (
            vec![Evil {
                kind: b'1',
                name: b"h",
                target: b"../x",
                ..FILE
            }],
            "it leaves the folder",
        ),
        (
            vec![
                Evil {
                    kind: b'2',
                    name: b"l",
                    target: b"a",
                    content: b"",
                },
                Evil {
                    kind: b'1',
                    name: b"h",
                    target: b"l",
                    ..FILE
                },
            ],
            "it is no file",
        ),
        (
            vec![Evil {
                kind: b'3',
                content: b"",
                ..FILE
            }],
            "it is a device or the like",
        ),
        (vec![Evil { kind: b'S', ..FILE }], "it is a sparse file"),
    ] {
        let folder = Folder::new();
        let path = folder.write("x.tar", &tar(&entries));
        let (code, text) = refused("tar_extract", &[path, folder.at("out")]);
        assert_eq!(code, Code::Invalid, "{text}");
        assert!(
            text.contains("x.tar: entry ") && text.contains(expected),
            "{text}"
        );
        assert!(!folder.path("f").exists() && !folder.path("out/a/f").exists());
    }
}

#[test]
fn files_replace_links_and_do_not_follow_them() {
    let folder = Folder::new();
    folder.write("secret", b"kept");
    std::fs::create_dir(folder.path("out")).unwrap();
    std::os::unix::fs::symlink("../secret", folder.path("out/f")).unwrap();
    let path = folder.write("x.tar", &tar(&[FILE]));
    done("tar_extract", &[path, folder.at("out")]);
    assert_eq!(
        (folder.read("secret"), folder.read("out/f")),
        (b"kept".to_vec(), b"x".to_vec())
    );
}

#[test]
fn hard_links_are_made() {
    let folder = Folder::new();
    let link = Evil {
        kind: b'1',
        name: b"d/h",
        target: b"./f",
        content: b"",
    };
    let path = folder.write("x.tar", &tar(&[FILE, link]));
    done("tar_extract", &[path, folder.at("out")]);
    assert_eq!(folder.read("out/d/h"), b"x");
}

#[test]
fn facts_before_an_entry_are_bounded() {
    let folder = Folder::new();
    let long = Evil {
        kind: b'L',
        name: b"././@LongLink",
        target: b"",
        content: &[b'n'; 70_000],
    };
    let path = folder.write("x.tar", &tar(&[long, FILE]));
    let (code, text) = refused("tar_extract", &[path, folder.at("out")]);
    assert_eq!(code, Code::Limit, "{text}");
    let size = Evil {
        kind: b'x',
        name: b"x",
        target: b"",
        content: b"10 size=1\n",
    };
    let path = folder.write("y.tar", &tar(&[size, FILE]));
    let (code, text) = refused("tar_extract", &[path, folder.at("out")]);
    assert!(
        code == Code::Invalid && text.contains("its size stands in an extension"),
        "{text}"
    );
}

#[test]
fn a_cut_archive_writes_nothing() {
    let folder = tree();
    for (kind, name) in [("tar", "x.tar"), ("tar", "x.tar.gz"), ("zip", "x.zip")] {
        done(&format!("{kind}_create"), &[folder.at(name), folder.at("in")]);
        let bytes = folder.read(name);
        let path = folder.write(name, &bytes[..bytes.len() / 2]);
        let (code, text) = refused(&format!("{kind}_extract"), &[path, folder.at("out")]);
        assert!(code == Code::Invalid && text.contains(name), "{text}");
        assert_eq!(folder.names("out"), [""; 0], "{name}");
    }
    let (code, text) = refused("tar_list", &[folder.at("no.tar")]);
    assert!(code == Code::NotFound && text.contains("no.tar"), "{text}");
}

/// A zip whose entries have these names, and this mode if there is one.
fn zip(entries: &[(&str, &[u8], Option<u32>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content, link) in entries {
        let options = zip::write::SimpleFileOptions::default();
        match link {
            Some(_) => writer
                .add_symlink(*name, std::str::from_utf8(content).unwrap(), options)
                .unwrap(),
            None => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(content).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_zip_stays_in_its_folder() {
    for (entries, expected) in [
        (vec![("../f", &b"x"[..], None)], "it leaves the folder by \"..\""),
        (vec![("/f", &b"x"[..], None)], "it is absolute"),
        (
            vec![("l", &b"/etc"[..], Some(1))],
            "it links to /etc, which is outside",
        ),
        (
            vec![("l", &b"a"[..], Some(1)), ("l/f", &b"x"[..], None)],
            "is a link on its way",
        ),
    ] {
        let folder = Folder::new();
        let path = folder.write("x.zip", &zip(&entries));
        let (code, text) = refused("zip_extract", &[path, folder.at("out")]);
        assert_eq!(code, Code::Invalid, "{text}");
        assert!(
            text.contains("x.zip: entry ") && text.contains(expected),
            "{text}"
        );
        assert!(!folder.path("f").exists());
    }
}

/// One byte of the content is changed, and one that says how large it is.
#[test]
fn a_zip_that_lies_is_found_out() {
    let folder = Folder::new();
    let honest = zip(&[("f", &[7; 5000], None)]);
    let central = honest
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    let mut lying = honest.clone();
    lying[central + 16] ^= 1;
    let path = folder.write("x.zip", &lying);
    let (code, text) = refused("zip_extract", &[path, folder.at("out")]);
    assert!(
        code == Code::Invalid && text.contains("entry f: its content: "),
        "{text}"
    );
    let mut small = honest;
    small[central + 24..central + 28].copy_from_slice(&[1, 0, 0, 0]);
    let path = folder.write("y.zip", &small);
    let arguments = [path, folder.at("out"), options(&[("limit", 4000.into())])];
    assert_eq!(refused("zip_extract", &arguments).0, Code::Limit, "it is counted");
}

#[test]
fn packing_takes_what_it_is_told() {
    let folder = tree();
    let names = options(&[("names", Value::list(["run.sh", "a/b"])), ("gzip", true.into())]);
    let created = done("tar_create", &[folder.at("in/x.tar"), folder.at("in"), names]);
    assert_eq!(created.get("entries"), Some(&3.into()));
    assert!(
        folder.read("in/x.tar").starts_with(&[0x1f, 0x8b]),
        "gzip, as it was asked for"
    );
    // The archive that is written and the one that it replaces are not part of it.
    let created = done("tar_create", &[folder.at("in/x.tar"), folder.at("in")]);
    assert_eq!(created.get("entries"), Some(&7.into()));
    let names = options(&[("names", Value::list(["../x"]))]);
    let (_, text) = refused("zip_create", &[folder.at("y.zip"), folder.at("in"), names]);
    assert_eq!(text, "../x: it leaves the folder by \"..\"");
    let names = options(&[("names", Value::list(["no"]))]);
    let (code, text) = refused("zip_create", &[folder.at("y.zip"), folder.at("in"), names]);
    assert!(code == Code::NotFound && text.contains("in/no: "), "{text}");
    assert_eq!(folder.names("."), ["in"], "no archive is left");
}

#[test]
fn the_page_is_true() {
    gshell_plugin_trial::page(&PLUGIN, include_str!("../../../docs/plugins/compress.md"));
}

#[test]
fn archives_are_given_up() {
    let folder = tree();
    done("tar_create", &[folder.at("x.tar.gz"), folder.at("in")]);
    done("zip_create", &[folder.at("x.zip"), folder.at("in")]);
    let base = folder.at(".");
    let base = base.as_str().unwrap();
    for call in [
        "compress.tar.list(base .. '/x.tar.gz')",
        "compress.tar.extract(base .. '/x.tar.gz', base .. '/out')",
        "compress.tar.create(base .. '/y.tar.gz', base .. '/in')",
        "compress.zip.extract(base .. '/x.zip', base .. '/out')",
        "compress.zip.create(base .. '/y.zip', base .. '/in')",
        "compress.gunzip(packed)",
    ] {
        let source = format!(
            "local compress, base = require 'compress', {base:?} local packed = compress.gzip 'x' ABANDON = true {call}"
        );
        let (code, text) = gshell_plugin_trial::error(&PLUGIN, &source);
        assert!(text.contains("nobody waits"), "{call}: {code} {text}");
    }
    assert_eq!(folder.names("."), ["in", "x.tar.gz", "x.zip"], "nothing is left");
}

#[test]
fn unknown_options_are_errors() {
    let (_, text) = gshell_plugin_trial::error(&PLUGIN, "require 'compress'.gunzip('', { limits = 1 })");
    assert!(text.contains("no option is called limits"), "{text}");
    let (_, text) = gshell_plugin_trial::error(&PLUGIN, "require 'compress'.tar.list('x', 7)");
    assert!(text.contains("options are a table, not a number"), "{text}");
}
