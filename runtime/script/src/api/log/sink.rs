//! Where log lines go.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::rc::Rc;

use crate::{Output, Stream};

/// See the module.
pub enum Sink {
    /// A stream of the environment.
    Stream(Rc<dyn Output>, Stream),
    /// A file that lines are appended to.
    File(File),
    /// Nowhere, for tests.
    #[cfg(test)]
    Discard,
}

impl Sink {
    /// Opens a file for appending; makes it and its folder if there is none.
    pub fn file(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map(Self::File)
    }

    /// Writes a line in one piece. A line that a full disk does not take is lost: a program must not fail
    /// because it cannot log.
    pub fn write(&self, line: &[u8]) {
        match self {
            Self::Stream(output, stream) => {
                output.write(*stream, line);
            }
            Self::File(file) => {
                let _ = (&*file).write_all(line);
            }
            #[cfg(test)]
            Self::Discard => {}
        }
    }
}
