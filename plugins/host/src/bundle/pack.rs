//! Making a bundle.

use super::manifest::{FILE_BYTES, NAME};
use super::{Manifest, Member, sha256, tar};
use crate::file::{Facts, Machine, names};

/// The bytes of a bundle of these files: what each says of itself, and what is in it. Equal files make equal bundles, in
/// whatever order they are given.
///
/// # Errors
/// When they are not one plugin in one version, built for as many machines as there are files.
pub fn pack(mut files: Vec<(Facts, Vec<u8>)>) -> Result<Vec<u8>, String> {
    gshell_small::sort_by(&mut files, |(a, _), (b, _)| {
        a.machine.to_string().cmp(&b.machine.to_string())
    });
    let Some((first, _)) = files.first() else {
        return Err("there is nothing to pack".to_owned());
    };
    let (name, version) = (first.name.clone(), first.version.clone());
    names::check(&name).map_err(|why| format!("a plugin with the name {name:?}: {why}"))?;
    let mut members: Vec<Member> = Vec::new();
    for (facts, data) in &files {
        if (&facts.name, &facts.version) != (&name, &version) {
            return Err(format!(
                "a bundle holds one plugin in one version, and these are {name} {version} and {} {}",
                facts.name, facts.version
            ));
        }
        let machine = facts.machine.to_string();
        if members.iter().any(|other| other.machine == machine) {
            return Err(format!("two of the files are built for {machine}"));
        }
        let size = u32::try_from(data.len()).ok().filter(|size| *size <= FILE_BYTES);
        members.push(Member {
            path: path(&name, facts.machine),
            bits: facts.machine.bits,
            endian: facts.machine.endian().to_owned(),
            abi: facts.abi,
            needs: facts.needs,
            size: size
                .ok_or_else(|| format!("the file for {machine} is larger than {} MiB", FILE_BYTES >> 20))?,
            sha256: sha256(data),
            machine,
        });
    }
    let manifest = Manifest {
        name,
        version,
        files: members,
    };
    let text = manifest.text();
    // What the readers would refuse is not written.
    Manifest::parse(text.as_bytes())?;
    let mut out = Vec::new();
    put(&mut out, NAME, text.as_bytes());
    for (member, (_, data)) in manifest.files.iter().zip(&files) {
        put(&mut out, &member.path, data);
    }
    out.resize(out.len() + tar::END as usize, 0);
    Ok(out)
}

/// The file's name in the bundle: `armv7/echo.gplugin`.
fn path(name: &str, machine: Machine) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let folder: String = machine.to_string().chars().map(plain).collect();
    let short = name.rsplit('/').next().unwrap_or_default();
    format!("{folder}/{short}.{}", crate::file::EXTENSION)
}

fn put(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    out.extend(tar::header(name, data.len() as u32));
    out.extend(data);
    out.resize(out.len().next_multiple_of(tar::BLOCK as usize), 0);
}
