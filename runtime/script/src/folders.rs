//! Where a node has modules for all scripts, in Lua and in C.

use std::path::PathBuf;

/// Folders for modules written in Lua: the node's own, then those that Debian's packages of modules and their authors use.
pub fn lua() -> Vec<PathBuf> {
    let folders = [
        "/usr/lib/gshell/lua",
        "/usr/local/share/lua/5.4",
        "/usr/share/lua/5.4",
    ];
    folders.map(PathBuf::from).to_vec()
}

/// The same for modules written in C.
pub fn c() -> Vec<PathBuf> {
    let mut folders = vec![
        PathBuf::from("/usr/lib/gshell/lua"),
        "/usr/local/lib/lua/5.4".into(),
    ];
    if let Some(triplet) = TRIPLET {
        folders.push(format!("/usr/lib/{triplet}/lua/5.4").into());
    }
    folders.push("/usr/lib/lua/5.4".into());
    folders
}

/// Debian's name of the machine that this is built for.
const TRIPLET: Option<&str> = if cfg!(target_arch = "x86_64") {
    Some("x86_64-linux-gnu")
} else if cfg!(target_arch = "aarch64") {
    Some("aarch64-linux-gnu")
} else if cfg!(all(target_arch = "arm", target_abi = "eabihf")) {
    Some("arm-linux-gnueabihf")
} else if cfg!(all(target_arch = "mips", target_endian = "big")) {
    Some("mips-linux-gnu")
} else if cfg!(all(target_arch = "mips", target_endian = "little")) {
    Some("mipsel-linux-gnu")
} else {
    None
};
