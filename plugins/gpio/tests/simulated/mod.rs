//! A chip of the kernel's module `gpio-sim`, gone in the end. Needs root, the module and configfs.

use std::fs;
use std::path::{Path, PathBuf};

/// Where such chips are made.
const MAKER: &str = "/sys/kernel/config/gpio-sim";

/// A chip with the lines 0 to 3, of which 1 is called BUTTON.
pub struct Simulated {
    folder: PathBuf,
    /// Its name below `/dev`.
    pub chip: String,
    /// Where its lines are moved.
    device: PathBuf,
}

impl Simulated {
    /// Makes one; none where the kernel has no such chips.
    pub fn new(name: &str) -> Option<Simulated> {
        if !Path::new(MAKER).exists() {
            eprintln!("no {MAKER} here: nothing is tried on a simulated chip");
            return None;
        }
        let folder = Path::new(MAKER).join(format!("gshell-{}-{name}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::create_dir(folder.join("bank")).unwrap();
        fs::write(folder.join("bank/num_lines"), "4").unwrap();
        fs::create_dir(folder.join("bank/line1")).unwrap();
        fs::write(folder.join("bank/line1/name"), "BUTTON").unwrap();
        fs::write(folder.join("live"), "1").unwrap();
        let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap().trim().to_owned();
        let chip = read("bank/chip_name");
        let device = Path::new("/sys/devices/platform")
            .join(read("dev_name"))
            .join(&chip);
        Some(Simulated { folder, chip, device })
    }

    /// The level of an output.
    pub fn value(&self, line: u32) -> bool {
        let path = self.device.join(format!("sim_gpio{line}/value"));
        fs::read_to_string(path).unwrap().trim() == "1"
    }

    /// Moves an input.
    pub fn pull(&self, line: u32, up: bool) {
        let path = self.device.join(format!("sim_gpio{line}/pull"));
        fs::write(path, if up { "pull-up" } else { "pull-down" }).unwrap();
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = fs::write(self.folder.join("live"), "0");
        for part in ["bank/line1", "bank", ""] {
            let _ = fs::remove_dir(self.folder.join(part));
        }
    }
}
