//! The file format of records: a header laid out by hand, then the body in postcard.
//!
//! ```text
//! 0   4  magic: "GSjb" an environment, "GSsp" a group's specification, "GSqu" plugins that crashed
//! 4   2  version of the body
//! 6   4  length of the body in bytes
//! 10  4  CRC-32 of bytes 4 to 9 and of the body
//! 14     body
//! ```
//!
//! Numbers are big-endian. The file ends with the body: anything shorter or longer is no record. The header is the
//! same for all versions for ever; what changes is the body, see [`super::migrate`].

use std::fmt;

use gshell_control::limits::RECORD_BYTES;
use gshell_control::{GroupSpec, Job};
use serde::Serialize;

use super::crc::crc32;
use super::migrate;
use super::v1::{GroupSpecV1, JobV1};

/// Bytes of the header.
pub const HEADER: usize = 14;

pub(super) const JOB_MAGIC: [u8; 4] = *b"GSjb";
const SPEC_MAGIC: [u8; 4] = *b"GSsp";

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// There is not even a header.
    Short {
        /// Bytes that there are.
        bytes: u32,
    },
    /// It starts with something else.
    Magic,
    /// It was written by a newer gshell.
    Newer {
        /// Its version.
        found: u16,
        /// The newest version that is known here.
        known: u16,
    },
    /// The version is one that never was.
    Version {
        /// The version.
        found: u16,
    },
    /// The header states another length than the file has.
    Length {
        /// Bytes of the body that the header states.
        stated: u32,
        /// Bytes that follow the header.
        found: u32,
    },
    /// It is longer than a record may be.
    TooLong {
        /// Bytes that it has.
        bytes: u32,
    },
    /// The checksum differs: the bytes are not those that were written.
    Checksum,
    /// The checksum is right and the body still no value of its type.
    Body(postcard::Error),
    /// It describes another thing than its file name says.
    Mismatch {
        /// What the file name says.
        expected: String,
        /// What the record says.
        found: String,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { bytes } => write!(f, "{bytes} bytes are less than a header"),
            Self::Magic => f.write_str("it does not start as a record"),
            Self::Newer { found, known } => {
                write!(
                    f,
                    "it has version {found} of a newer gshell, this one knows up to {known}"
                )
            }
            Self::Version { found } => write!(f, "there is no version {found}"),
            Self::Length { stated, found } => write!(f, "{stated} bytes are stated and {found} are there"),
            Self::TooLong { bytes } => {
                write!(f, "{bytes} bytes are more than the {RECORD_BYTES} of a record")
            }
            Self::Checksum => f.write_str("the checksum differs"),
            Self::Body(error) => write!(f, "the checksum is right and the content is not: {error}"),
            Self::Mismatch { expected, found } => {
                write!(f, "it is about {found:?} and not about {expected:?}")
            }
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Body(error) => Some(error),
            _ => None,
        }
    }
}

/// Any record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An environment.
    Job(Box<Job>),
    /// A group's specification.
    Spec(GroupSpec),
}

/// Reads a record of any kind. Never panics, whatever the bytes.
pub fn decode_record(bytes: &[u8]) -> Result<Record, RecordError> {
    if bytes.starts_with(&SPEC_MAGIC) {
        return decode_spec(bytes).map(Record::Spec);
    }
    decode_job(bytes).map(|job| Record::Job(Box::new(job)))
}

/// Writes an environment in the current version.
pub fn encode_job(job: &Job) -> Result<Vec<u8>, RecordError> {
    encode(JOB_MAGIC, migrate::JOB_VERSION, &JobV1::from(job))
}

/// Reads an environment of any version.
pub fn decode_job(bytes: &[u8]) -> Result<Job, RecordError> {
    let (version, body) = open(JOB_MAGIC, bytes)?;
    let body = migrate::upgrade(migrate::JOB_STEPS, version, body)?;
    body_of::<JobV1>(&body).map(Job::from)
}

/// Writes a specification in the current version.
pub fn encode_spec(spec: &GroupSpec) -> Result<Vec<u8>, RecordError> {
    encode(SPEC_MAGIC, migrate::SPEC_VERSION, &GroupSpecV1::from(spec))
}

/// Reads a specification of any version.
pub fn decode_spec(bytes: &[u8]) -> Result<GroupSpec, RecordError> {
    let (version, body) = open(SPEC_MAGIC, bytes)?;
    let body = migrate::upgrade(migrate::SPEC_STEPS, version, body)?;
    body_of::<GroupSpecV1>(&body).map(GroupSpec::from)
}

/// Puts a right header before any body, as a fuzzer or a faulty writer does it.
pub fn seal_job(body: &[u8]) -> Result<Vec<u8>, RecordError> {
    seal(JOB_MAGIC, migrate::JOB_VERSION, body)
}

/// As [`seal_job`], for a specification.
pub fn seal_spec(body: &[u8]) -> Result<Vec<u8>, RecordError> {
    seal(SPEC_MAGIC, migrate::SPEC_VERSION, body)
}

/// Reads a body that has to be used up by its value.
pub fn body_of<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, RecordError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(RecordError::Body(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(RecordError::Body(error)),
    }
}

/// Writes a value as body of a record.
pub(super) fn encode<T: Serialize>(magic: [u8; 4], version: u16, value: &T) -> Result<Vec<u8>, RecordError> {
    let body = postcard::to_allocvec(value).map_err(RecordError::Body)?;
    seal(magic, version, &body)
}

/// Puts the header before a body.
pub(super) fn seal(magic: [u8; 4], version: u16, body: &[u8]) -> Result<Vec<u8>, RecordError> {
    let total = count(HEADER + body.len());
    if total > RECORD_BYTES {
        return Err(RecordError::TooLong { bytes: total });
    }
    let mut record = Vec::with_capacity(HEADER + body.len());
    record.extend_from_slice(&magic);
    record.extend_from_slice(&version.to_be_bytes());
    record.extend_from_slice(&count(body.len()).to_be_bytes());
    let sum = checksum(&record[4..10], body);
    record.extend_from_slice(&sum.to_be_bytes());
    record.extend_from_slice(body);
    Ok(record)
}

/// Checks the header and gives version and body.
pub(super) fn open(magic: [u8; 4], bytes: &[u8]) -> Result<(u16, &[u8]), RecordError> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(RecordError::Short {
            bytes: count(bytes.len()),
        });
    };
    let [m0, m1, m2, m3, v0, v1, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    if [m0, m1, m2, m3] != magic {
        return Err(RecordError::Magic);
    }
    if count(bytes.len()) > RECORD_BYTES {
        return Err(RecordError::TooLong {
            bytes: count(bytes.len()),
        });
    }
    let (stated, found) = (u32::from_be_bytes([l0, l1, l2, l3]), count(body.len()));
    if stated != found {
        return Err(RecordError::Length { stated, found });
    }
    if u32::from_be_bytes([c0, c1, c2, c3]) != checksum(&header[4..10], body) {
        return Err(RecordError::Checksum);
    }
    Ok((u16::from_be_bytes([v0, v1]), body))
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    crc32(&[head, body])
}

/// A length for a header or an error; what exceeds 32 bits is refused as too long anyway.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
