//! What a bundle says about its files, in front of them.

use std::fmt::Write;

use gshell_wire::Value;

use super::tar;
use crate::file::names;
use crate::json;

/// Its name in the bundle.
pub(super) const NAME: &str = "manifest.json";
/// Bytes of it at most.
pub(super) const BYTES: u32 = 64 << 10;
/// Goes up when bundles change so that older programs cannot read them.
const FORMAT: u64 = 1;
/// Files of a bundle at most.
const FILES: usize = 32;
/// Bytes of a file at most.
pub const FILE_BYTES: u32 = 64 << 20;

/// What a bundle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Name of the plugin.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its files, one for each machine.
    pub files: Vec<Member>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name in the bundle.
    pub path: String,
    /// What it is built for, as [`crate::file::Machine`] is shown.
    pub machine: String,
    /// Bits of a pointer.
    pub bits: u8,
    /// `little` or `big`.
    pub endian: String,
    /// The ABI that it was built with.
    pub abi: u16,
    /// The smallest minor of a host that it can live with.
    pub needs: u16,
    /// Bytes of it.
    pub size: u32,
    /// Hash of its bytes, SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// As it stands in a bundle: always the same bytes for the same manifest.
    pub(super) fn text(&self) -> String {
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let mut out = format!(
            "{{\n  \"format\": {FORMAT},\n  \"name\": {},\n  \"version\": {},\n  \"files\": [",
            quoted(&self.name),
            quoted(&self.version)
        );
        for (at, file) in self.files.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            // Writing to a text does not fail.
            let _ = write!(
                out,
                "{comma}\n    {{\"path\": {}, \"machine\": {}, \"bits\": {}, \"endian\": {}, \"abi\": {}, \"needs\": {}, \
                 \"size\": {}, \"sha256\": {}}}",
                quoted(&file.path),
                quoted(&file.machine),
                file.bits,
                quoted(&file.endian),
                file.abi,
                file.needs,
                file.size,
                quoted(&file.sha256)
            );
        }
        out + "\n  ]\n}\n"
    }

    /// Reads one; the error is what is wrong with it.
    pub(super) fn parse(data: &[u8]) -> Result<Self, String> {
        let all = json::parse(data).map_err(|error| format!("it is no JSON: {error}"))?;
        let all = Fields { of: &all, place: "" };
        let format = all.number("format", u64::MAX)?;
        if format != FORMAT {
            return Err(format!("its format is {format}, this program knows {FORMAT}"));
        }
        let (name, version) = (all.text("name")?, all.text("version")?);
        names::check(&name).map_err(|why| format!("its name {name:?} is none: {why}"))?;
        if !names::is_version(&version) {
            return Err(format!("its version {version:?} is none"));
        }
        let Value::List(list) = json::field(all.of, "files") else {
            return Err("it has no list \"files\"".to_owned());
        };
        if list.is_empty() || list.len() > FILES {
            return Err(format!(
                "it names {} files, and 1 to {FILES} are allowed",
                list.len()
            ));
        }
        let mut files: Vec<Member> = Vec::new();
        for (at, of) in list.iter().enumerate() {
            let place = format!(" of file {}", at + 1);
            let file = Member::read(&Fields { of, place: &place })?;
            if files.iter().any(|other| other.machine == file.machine) {
                return Err(format!("it names two files for {}", file.machine));
            }
            if files.iter().any(|other| other.path == file.path) {
                return Err(format!("it names {} twice", file.path));
            }
            files.push(file);
        }
        Ok(Self { name, version, files })
    }
}

impl Member {
    fn read(fields: &Fields) -> Result<Self, String> {
        let file = Self {
            path: fields.text("path")?,
            machine: fields.text("machine")?,
            bits: fields.number("bits", u8::MAX.into())? as u8,
            endian: fields.text("endian")?,
            abi: fields.number("abi", u16::MAX.into())? as u16,
            needs: fields.number("needs", u16::MAX.into())? as u16,
            size: fields.number("size", FILE_BYTES.into())? as u32,
            sha256: fields.text("sha256")?,
        };
        // Nothing is ever written to this path; it is checked for those who unpack bundles by other programs.
        match names::check(&file.path) {
            _ if file.path.len() > tar::NAME => Err(format!("the path {:?} is too long", file.path)),
            Err(why) => Err(format!("the path {:?} is not allowed: {why}", file.path)),
            Ok(()) if file.path == NAME => Err(format!("a file has the manifest's own name, {NAME}")),
            Ok(()) if !file.machine.chars().all(|c| c.is_ascii_graphic() || c == ' ') => {
                Err(format!("the machine {:?} is none", file.machine))
            }
            Ok(()) => Ok(file),
        }
    }
}

/// An object of JSON whose fields have to be there.
struct Fields<'a> {
    of: &'a Value,
    /// Which object it is, for errors.
    place: &'a str,
}

impl Fields<'_> {
    fn text(&self, key: &str) -> Result<String, String> {
        let found = json::text(json::field(self.of, key));
        found
            .map(str::to_owned)
            .ok_or_else(|| format!("\"{key}\"{} is no text", self.place))
    }

    fn number(&self, key: &str, most: u64) -> Result<u64, String> {
        let found = match json::field(self.of, key) {
            Value::Uint(found) if *found <= most => Some(*found),
            _ => None,
        };
        found.ok_or_else(|| format!("\"{key}\"{} is no number from 0 to {most}", self.place))
    }
}
