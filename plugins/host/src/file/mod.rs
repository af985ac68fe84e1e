//! What a file says of itself, read without opening it: whether it is a plugin, whose, and for which machine.
//!
//! Nothing is believed: every length and place is checked against the file's size before it is used, and only headers and
//! notes are read, whatever the file's size.

mod elf;
mod machine;
pub mod names;
mod note;
mod refusal;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;

use gshell_plugin_abi::{ABI, MINOR};

pub use self::machine::Machine;
pub use self::refusal::{Kind, Refusal};
use crate::source::{Disk, Source};

/// The end of the name of a file that is a plugin.
pub const EXTENSION: &str = "gplugin";

/// What a plugin's file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The plugin's name; one of another ABI may have none that can be read, and then this is empty.
    pub name: String,
    /// Its version; may be empty likewise.
    pub version: String,
    /// The ABI that it was built with.
    pub abi: u16,
    /// The smallest minor of a host that it can live with.
    pub needs: u16,
    /// What it is built for.
    pub machine: Machine,
    /// Bytes of the file.
    pub size: u64,
}

/// Reads what the file at `path` is. It may be for any machine and of any ABI: see [`fits`].
pub fn inspect(path: &Path) -> Result<Facts, Refusal> {
    facts(&Disk::open(path)?)
}

/// The same for bytes in memory.
pub fn inspect_bytes(data: &[u8]) -> Result<Facts, Refusal> {
    facts(&data)
}

fn facts(source: &dyn Source) -> Result<Facts, Refusal> {
    let shared = elf::read(source)?;
    let told = note::find(source, &shared)?;
    Ok(Facts {
        name: told.name,
        version: told.version,
        abi: told.abi,
        needs: told.needs,
        machine: shared.machine,
        size: source.size(),
    })
}

/// Whether a file like this can be opened by this program.
pub fn fits(facts: &Facts) -> Result<(), Refusal> {
    fits_machine(facts, Machine::OWN)
}

/// Whether it can be opened by this version of the program on another machine.
pub fn fits_machine(facts: &Facts, machine: Machine) -> Result<(), Refusal> {
    if facts.machine != machine {
        return Err(Refusal::new(
            Kind::Machine,
            format!("built for {}, this node is {machine}", facts.machine),
        ));
    }
    let abi = facts.abi;
    if abi < ABI {
        let text = format!("too old: built for plugin ABI {abi}, this node has {ABI}; build it again");
        return Err(Refusal::new(Kind::Abi, text));
    }
    if abi > ABI {
        let text = format!("too new: built for plugin ABI {abi}, this node has {ABI}; update gshell");
        return Err(Refusal::new(Kind::Abi, text));
    }
    if facts.needs > MINOR {
        let needs = facts.needs;
        let text =
            format!("too new: it needs plugin ABI {ABI}.{needs}, this node has {ABI}.{MINOR}; update gshell");
        return Err(Refusal::new(Kind::Needs, text));
    }
    Ok(())
}
