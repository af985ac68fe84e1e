//! Clients (and in the process scope the service as well) as Lua scripts.

use std::path::Path;

use crate::figures::Figures;
use crate::options::Options;

/// x
pub fn in_process(_options: &Options) -> Result<Figures, String> {
    Err("lua".into())
}

/// x
pub fn over_socket(_folder: &Path, _options: &Options) -> Result<Figures, String> {
    Err("lua".into())
}
