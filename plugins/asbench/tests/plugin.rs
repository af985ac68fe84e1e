//! What callers get from the service, by way of the C ABI.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use gshell_plugin_asbench::PLUGIN;
use gshell_plugin_asbench::messages::{Download, DownloadRequest, LARGEST, Upload, UploadRequest};
use gshell_plugin_sdk::{Bytes, Code, testing};

fn download(size: u32) -> gshell_plugin_sdk::Result<Download> {
    let name = "test".to_owned();
    testing::request(
        &PLUGIN,
        "platform/asbench",
        &DownloadRequest { name, id: 1, size },
    )
}

#[test]
fn as_many_bytes_as_asked_for() {
    for size in [0, 1, 1000, 100_000] {
        assert_eq!(download(size).unwrap().payload, vec![9; size as usize]);
    }
    assert_eq!(download(LARGEST + 1).unwrap_err().code(), Code::Invalid);
}

#[test]
fn bytes_are_taken() {
    let payload = Bytes::from(vec![9; 5000]);
    let request = UploadRequest {
        name: "test".to_owned(),
        id: 1,
        payload,
    };
    let reply: Upload = testing::request(&PLUGIN, "platform/asbench", &request).unwrap();
    assert_eq!(reply.code, 0);
}
