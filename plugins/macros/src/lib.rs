//! The attribute macros of the SDK for plugins.
