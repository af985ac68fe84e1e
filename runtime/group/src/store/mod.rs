//! What a group keeps on disk, so that a crash, an update or a power cut loses no environment.
//!
//! ```text
//! STATEDIR/layout                       version of this layout, in decimal
//! STATEDIR/packages/<sha256>.pkg        code, once by its hash; <sha256>.elf beside it for a program
//! STATEDIR/groups/NAME-VERSION/spec     what the group is made from
//! STATEDIR/groups/NAME-VERSION/ID.job   an environment; ID.job.old the generation before
//! STATEDIR/groups/NAME-VERSION/.lock    held by the process that may write here
//! STATEDIR/quarantine                   plugins that ended their groups; quarantine.old the generation before
//! STATEDIR/aside/                       files that did not read, for whoever looks into it
//! ```
//!
//! A file is replaced by writing a temporary one, fsync, rename, fsync of the folder; so at any moment a complete
//! generation is there. A file that does not read is set aside and reported, and takes nothing else with it.
//! Everything here blocks; folders are arguments, and there is no clock.

mod aside;
mod convert;
mod crc;
mod error;
mod files;
mod jobs;
pub mod layout;
mod migrate;
pub mod packages;
mod quarantine;
mod record;
mod slot;
mod v1;

#[cfg(test)]
mod tests;

pub use crc::crc32;
pub use error::StoreError;
pub use jobs::{Loaded, Store};
pub use layout::{LAYOUT_VERSION, groups, open_layout, packages_in_use};
pub use packages::{Packages, decode_package, hash, pack};
pub use quarantine::{
    change_quarantine, decode_quarantine, encode_quarantine, quarantine_path, read_quarantine,
};
pub use record::{
    Record, RecordError, decode_job, decode_record, decode_spec, encode_job, encode_spec, seal_job, seal_spec,
};
