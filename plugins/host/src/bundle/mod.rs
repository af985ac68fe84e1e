//! Bundles: one plugin for several machines in a file, `.gplugins`, from which each node takes what fits.
//!
//! A tar archive without compression. First comes `manifest.json`, then the files in its order, and nothing else: what the
//! archive's headers and the files themselves say has to be what the manifest says.

mod manifest;
mod pack;
mod tar;
#[cfg(test)]
mod tests;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use self::manifest::{FILE_BYTES, Manifest, Member};
pub use self::pack::pack;
use crate::file::{Facts, Kind, Machine, Refusal, fits, inspect_bytes};
use crate::source::{self, Disk, Source};

/// The end of the name of a bundle.
pub const EXTENSION: &str = "gplugins";

/// What is read, in words.
const BUNDLE: &str = "a bundle";

/// A bundle whose manifest and headers agree. Its files are read when they are asked for.
pub struct Bundle<'a> {
    source: Box<dyn Source + 'a>,
    manifest: Manifest,
    /// Where each file begins.
    places: Vec<u64>,
}

impl std::fmt::Debug for Bundle<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

impl<'a> Bundle<'a> {
    /// Opens the bundle at `path`.
    pub fn open(path: &Path) -> Result<Bundle<'static>, Refusal> {
        Bundle::over(Box::new(Disk::open(path)?))
    }

    /// Reads a bundle in memory.
    pub fn of_bytes(data: &'a [u8]) -> Result<Self, Refusal> {
        Self::over(Box::new(data))
    }

    fn over(source: Box<dyn Source + 'a>) -> Result<Self, Refusal> {
        let (name, size) = header(&*source, 0, manifest::NAME)?;
        if name != manifest::NAME {
            return Err(damaged(&format!(
                "it begins with {name:?} and not with {}",
                manifest::NAME
            )));
        }
        let size = u32::try_from(size).ok().filter(|size| *size <= manifest::BYTES);
        let size =
            size.ok_or_else(|| damaged(&format!("its manifest is larger than {} bytes", manifest::BYTES)))?;
        let data = source::read(&*source, BUNDLE, tar::BLOCK, size)?;
        let manifest =
            Manifest::parse(&data).map_err(|why| damaged(&format!("{}: {why}", manifest::NAME)))?;
        let mut at = behind(&*source, tar::BLOCK, size.into())?;
        let mut places = Vec::new();
        for file in &manifest.files {
            let (name, size) = header(&*source, at, &file.path)?;
            if name != file.path {
                return Err(damaged(&format!("{name:?} is where {} should be", file.path)));
            }
            if size != u64::from(file.size) {
                let (path, told) = (&file.path, file.size);
                return Err(damaged(&format!(
                    "{path} has {size} bytes, and the manifest says {told}"
                )));
            }
            places.push(at + tar::BLOCK);
            at = behind(&*source, at + tar::BLOCK, size)?;
        }
        end(&*source, at)?;
        Ok(Self {
            source,
            manifest,
            places,
        })
    }

    /// What it says about its files.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The number of the file that this node can take, counted from 0.
    ///
    /// Fails when there is none for this machine, or the one that there is is of another ABI.
    pub fn pick(&self) -> Result<usize, Refusal> {
        let own = Machine::OWN.to_string();
        let files = &self.manifest.files;
        let Some(at) = files.iter().position(|file| file.machine == own) else {
            let machines: Vec<&str> = files.iter().map(|file| file.machine.as_str()).collect();
            let text = format!("a bundle for {}, this node is {own}", machines.join(", "));
            return Err(Refusal::new(Kind::Machine, text));
        };
        let told = Facts {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            abi: files[at].abi,
            needs: files[at].needs,
            machine: Machine::OWN,
            size: files[at].size.into(),
        };
        fits(&told).map(|()| at)
    }

    /// The file with this number, after its hash and all that it says of itself was compared with the manifest.
    pub fn read(&self, number: usize) -> Result<Vec<u8>, Refusal> {
        let (Some(file), Some(at)) = (self.manifest.files.get(number), self.places.get(number)) else {
            return Err(damaged(&format!("it has no file {number}")));
        };
        let data = source::read(&*self.source, BUNDLE, *at, file.size)?;
        if sha256(&data) != file.sha256 {
            return Err(damaged(&format!(
                "{} has another hash than the manifest says",
                file.path
            )));
        }
        let facts = inspect_bytes(&data).map_err(|why| damaged(&format!("{} is {why}", file.path)))?;
        let told = (&self.manifest.name, &self.manifest.version, file.abi, file.needs);
        if told != (&facts.name, &facts.version, facts.abi, facts.needs) {
            let Facts {
                name,
                version,
                abi,
                needs,
                ..
            } = facts;
            let text = format!(
                "{} is {name} {version} of ABI {abi}.{needs}, and the manifest says otherwise",
                file.path
            );
            return Err(damaged(&text));
        }
        let machine = facts.machine;
        if (file.machine != machine.to_string())
            || (file.bits, file.endian.as_str()) != (machine.bits, machine.endian())
        {
            let (path, told) = (&file.path, &file.machine);
            return Err(damaged(&format!(
                "{path} is built for {machine}, and the manifest says {told}"
            )));
        }
        Ok(data)
    }
}

/// The hash of some bytes as a manifest has it.
pub fn sha256(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(why: &str) -> Refusal {
    Refusal::new(Kind::Damaged, format!("a damaged bundle: {why}"))
}

/// What the header at this place tells; `expected` is whose it should be.
fn header(source: &dyn Source, at: u64, expected: &str) -> Result<(String, u64), Refusal> {
    if source.size() == 0 {
        return Err(Refusal::new(Kind::Empty, "an empty file"));
    }
    let data = source::read(source, BUNDLE, at, tar::BLOCK as u32)?;
    let Some(block) = data.first_chunk() else {
        return Err(damaged("it ends too early"));
    };
    if block.iter().all(|byte| *byte == 0) {
        return Err(damaged(&format!("{expected} is missing")));
    }
    tar::parse(block).map_err(|why| damaged(&format!("the header of {expected} {why}")))
}

/// The place behind a content of this size, and the zeros behind that.
fn behind(source: &dyn Source, at: u64, size: u64) -> Result<u64, Refusal> {
    let ends = |size| Some((at.checked_add(size)?, at.checked_add(tar::filled(size)?)?));
    let (end, next) = ends(size).ok_or_else(|| damaged("a size in it is beyond all numbers"))?;
    zeros(source, end, (next - end) as u32)?;
    Ok(next)
}

fn zeros(source: &dyn Source, at: u64, len: u32) -> Result<(), Refusal> {
    match source::read(source, BUNDLE, at, len)?
        .iter()
        .all(|byte| *byte == 0)
    {
        true => Ok(()),
        false => Err(damaged("it has more in it than the manifest names")),
    }
}

/// Checks that nothing but the archive's own end follows.
fn end(source: &dyn Source, at: u64) -> Result<(), Refusal> {
    zeros(source, at, tar::END as u32)?;
    match source.size() == at + tar::END {
        true => Ok(()),
        false => Err(damaged("it has more in it than the manifest names")),
    }
}
