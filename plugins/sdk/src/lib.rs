//! For authors of plugins: safe Rust on top of the C ABI.
