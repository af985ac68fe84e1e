//! Bodies of records under a right header: a checksum is a guard against a bad disk, not against a bad writer.

#![no_main]

use gshell_group::store::{decode_job, decode_spec, encode_job, encode_spec, seal_job, seal_spec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(job) = seal_job(data).and_then(|record| decode_job(&record)) {
        assert_eq!(encode_job(&job).and_then(|record| decode_job(&record)), Ok(job));
    }
    if let Ok(spec) = seal_spec(data).and_then(|record| decode_spec(&record)) {
        assert_eq!(
            encode_spec(&spec).and_then(|record| decode_spec(&record)),
            Ok(spec)
        );
    }
});
