//! Records as version 1 writes them, for ever. A change here loses what is on people's disks: add a version instead.

use super::{ID, job, package, spec};
use crate::store::{decode_job, decode_package, decode_spec, encode_job, encode_spec, pack};

const JOB_V1: &str = "
    47536a620001000000f885cd70f70c303061613131626232326363097765622d302e312e3007746f702e6c756103022d
    6e02c3a40001406162616261626162616261626162616261626162616261626162616261626162616261626162616261
    6261626162616261626162616261626162616261626162086d61696e2e6c756101030201808080802001e80707706964
    203831320401030112656e646564206279207369676e616c203131011b737461636b2074726163656261636b3a0a095b
    435d3a20696e203f010101160180a0abfef96282a0abfef96209ffffffffffffffffff0101ce4901010e0400010d6f75
    74206f66206d656d6f72790a6c61737420776f726473";

const SPEC_V1: &str = "
    475373700001000000260050f3df0377656205302e312e30ac020afb0200e80701066e6f626f64798080808080208020
    80804003";

const PACKAGE_V1: &str =
    "4753703102086d61696e2e6c7561097072696e742831290a096c69622f612e6c756100086d61696e2e6c756100";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn version_1_of_an_environment() {
    assert_eq!(decode_job(&bytes(JOB_V1)), Ok(job(ID)));
    assert_eq!(hex(&encode_job(&job(ID)).unwrap()), hex(&bytes(JOB_V1)));
}

#[test]
fn version_1_of_a_specification() {
    assert_eq!(decode_spec(&bytes(SPEC_V1)), Ok(spec()));
    assert_eq!(hex(&encode_spec(&spec()).unwrap()), hex(&bytes(SPEC_V1)));
}

#[test]
fn version_1_of_a_package() {
    let sample = package(
        &[("main.lua", b"print(1)\n"), ("lib/a.lua", b"")],
        "main.lua",
        false,
    );
    assert_eq!(decode_package(&bytes(PACKAGE_V1)), Ok(sample.clone()));
    assert_eq!(hex(&pack(&sample).unwrap()), hex(&bytes(PACKAGE_V1)));
}
