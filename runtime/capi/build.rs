//! Gives the shared library the name by which programs ask for it: that of its ABI.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libgshell.so.1");
}
