//! The node that scripts of a test program publish in: a folder of its own.

use gshell_service::Node;

pub fn node() -> Node {
    let dir = std::env::temp_dir().join(format!("gs-script-{}", std::process::id()));
    Node::at(&dir)
}
