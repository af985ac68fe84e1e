//! Records on disk: what is accepted is written again as the same value.

#![no_main]

use gshell_group::store::{Record, decode_record, encode_job, encode_spec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(record) = decode_record(data) else { return };
    let written = match &record {
        Record::Job(job) => encode_job(job),
        Record::Spec(spec) => encode_spec(spec),
    };
    // A number may be written in more bytes than it needs, so the bytes may differ, but not the value.
    if let Ok(bytes) = written {
        assert_eq!(decode_record(&bytes), Ok(record));
    }
});
