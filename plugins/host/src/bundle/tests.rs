//! Bundles made, read, and changed.

use super::*;
use crate::file::tests::Made;

fn machine(bits: u8, big_endian: bool, number: u16) -> Machine {
    Machine {
        bits,
        big_endian,
        number,
        unusual: false,
    }
}

/// The five machines of bsp/targets.
fn machines() -> [Machine; 5] {
    [
        machine(64, false, 62),
        machine(64, false, 183),
        machine(32, false, 40),
        machine(32, true, 8),
        machine(32, false, 8),
    ]
}

fn plugin(machine: Machine, change: impl FnOnce(&mut Made)) -> (Facts, Vec<u8>) {
    let mut made = Made {
        machine,
        ..Made::default()
    };
    change(&mut made);
    let data = made.bytes();
    (inspect_bytes(&data).unwrap(), data)
}

fn five() -> Vec<(Facts, Vec<u8>)> {
    machines()
        .into_iter()
        .map(|machine| plugin(machine, |_| {}))
        .collect()
}

fn refused(data: &[u8], text: &str) {
    let all = |bundle: Bundle| (0..bundle.manifest.files.len()).try_for_each(|at| bundle.read(at).map(drop));
    let refusal = Bundle::of_bytes(data).and_then(all).unwrap_err();
    assert!(refusal.text.contains(text), "{refusal} has no {text:?}");
    assert_eq!(refusal.text.lines().count(), 1);
}

/// A bundle whose manifest says something else: what `from` says becomes `to`, of the same length.
fn lying(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut data = pack(five()).unwrap();
    let at = data
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap();
    assert!(at < 4096, "it stands in the manifest");
    data[at..at + to.len()].copy_from_slice(to.as_bytes());
    data
}

#[test]
fn each_file_comes_out_as_it_went_in() {
    let files = five();
    let data = pack(files.clone()).unwrap();
    let bundle = Bundle::of_bytes(&data).unwrap();
    let told = bundle.manifest();
    assert_eq!((told.name.as_str(), told.version.as_str()), ("echo", "1.2.3"));
    let names: Vec<&str> = told.files.iter().map(|file| file.machine.as_str()).collect();
    assert_eq!(names, ["aarch64", "armv7", "mips", "mipsel", "x86_64"]);
    assert_eq!(told.files[1].path, "armv7/echo.gplugin");
    for (at, file) in told.files.iter().enumerate() {
        let (_, want) = files
            .iter()
            .find(|(facts, _)| facts.machine.to_string() == file.machine)
            .unwrap();
        assert_eq!(&bundle.read(at).unwrap(), want);
    }
    assert_eq!(
        told.files[bundle.pick().unwrap()].machine,
        Machine::OWN.to_string()
    );
    let mut turned = files;
    turned.reverse();
    assert_eq!(pack(turned).unwrap(), data, "the order of files does not matter");
}

#[test]
fn names_with_slashes_and_strange_machines() {
    let strange = machine(32, false, 62);
    let data = pack(vec![plugin(strange, |made| {
        made.name = "example.org/echo".into()
    })])
    .unwrap();
    let bundle = Bundle::of_bytes(&data).unwrap();
    assert_eq!(
        bundle.manifest().files[0].path,
        "x86_64__32_bit__little_endian_/echo.gplugin"
    );
    assert!(bundle.read(0).is_ok());
    let text = bundle.pick().unwrap_err().text;
    assert!(
        text.contains("a bundle for x86_64 (32 bit, little endian), this node is "),
        "{text}"
    );
}

#[test]
fn what_is_no_bundle() {
    let own = Machine::OWN;
    let error = |files| pack(files).unwrap_err();
    assert!(error(Vec::new()).contains("nothing to pack"));
    let twice = vec![plugin(own, |_| {}), plugin(own, |_| {})];
    assert!(error(twice).contains("two of the files are built for"));
    let other = |change: fn(&mut Made)| vec![plugin(own, |_| {}), plugin(machine(32, false, 8), change)];
    assert!(error(other(|made| made.version = "1.2.4".into())).contains("echo 1.2.4 and echo 1.2.3"));
    assert!(error(other(|made| made.name = "hash".into())).contains("one plugin in one version"));
    refused(b"", "an empty file");
    refused(b"text", "a bundle that ends too early");
    refused(&[b'a'; 600], "the header of manifest.json is not there");
    refused(&[0; 2048], "manifest.json is missing");
    refused(
        &Made::default().bytes().repeat(2),
        "the header of manifest.json is not there",
    );
}

#[test]
fn a_cut_bundle_is_noticed() {
    let data = pack(five()).unwrap();
    for len in (0..data.len()).step_by(97) {
        assert!(Bundle::of_bytes(&data[..len]).is_err(), "{len}");
    }
    refused(&data[..data.len() - 1], "a bundle that ends too early");
    refused(
        &[data.as_slice(), &[0]].concat(),
        "more in it than the manifest names",
    );
    let mut without_last = data.clone();
    let last = data.len() - 1024 - 1024;
    without_last.truncate(last);
    without_last.resize(last + 1024, 0);
    refused(&without_last, "x86_64/echo.gplugin is missing");
}

#[test]
fn a_manifest_that_lies_is_noticed() {
    for (from, to, text) in [
        ("\"format\": 1", "\"format\": 2", "its format is 2"),
        ("\"name\": \"echo\"", "\"name\": \"ech/\"", "begin with a letter"),
        (
            "\"name\": \"echo\"",
            "\"name\": \"hash\"",
            "is echo 1.2.3 of ABI 1.0, and the manifest says otherwise",
        ),
        (
            "\"version\": \"1.2.3\"",
            "\"version\": \"1.2.4\"",
            "the manifest says otherwise",
        ),
        ("\"armv7/echo", "\"../../echo", "is not allowed"),
        (
            "\"armv7/echo.gplugin\"",
            "\"mips/echo.gplugin\" ",
            "it names mips/echo.gplugin twice",
        ),
        (
            "\"armv7/echo",
            "\"armv8/echo",
            "\"armv7/echo.gplugin\" is where armv8/echo.gplugin should be",
        ),
        (
            "\"machine\": \"armv7\"",
            "\"machine\": \"armv9\"",
            "is built for armv7, and the manifest says armv9",
        ),
        (
            "\"machine\": \"armv7\"",
            "\"machine\": \"mips\" ",
            "it names two files for mips",
        ),
        ("\"bits\": 64", "\"bits\": 32", "is built for"),
        (
            "\"bits\": 64",
            "\"bits\": -4",
            "\"bits\" of file 1 is no number from 0 to 255",
        ),
        ("\"endian\": \"little\"", "\"endian\": \"middle\"", "is built for"),
        ("\"abi\": 1", "\"abi\": 2", "the manifest says otherwise"),
        ("\"size\": ", "\"size\":9", "bytes, and the manifest says 9"),
        ("\"sha256\": \"", "\"sha256\":\"0", "has another hash"),
        ("\"files\": [", "\"files\": 1", "it is no JSON"),
        ("\"files\"", "\"Files\"", "it has no list \"files\""),
    ] {
        refused(&lying(from, to), text);
    }
}

#[test]
fn a_changed_byte_of_a_file_is_noticed() {
    let data = pack(five()).unwrap();
    let bundle = Bundle::of_bytes(&data).unwrap();
    let (at, size) = (bundle.places[2] as usize, bundle.manifest.files[2].size as usize);
    for (at, text) in [
        (
            at + 200,
            "mips/echo.gplugin has another hash than the manifest says",
        ),
        (at + size, "more in it than the manifest names"),
    ] {
        let mut changed = data.clone();
        changed[at] ^= 0x20;
        refused(&changed, text);
    }
}

#[test]
fn one_of_another_abi_is_not_picked() {
    let data = pack(vec![plugin(Machine::OWN, |made| made.abi = 0)]).unwrap();
    let text = Bundle::of_bytes(&data).unwrap().pick().unwrap_err().text;
    assert!(text.contains("too old"), "{text}");
}
