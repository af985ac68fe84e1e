//! The C library: services of gshell for C programs, as `include/gshell.h` describes them.
//!
//! What a C program holds are numbers in the guise of pointers ([`table`]): nothing that it hands back is ever followed
//! as a pointer, so a wrong, freed or foreign handle is an error and not a crash. What is left of unsafe code are the
//! texts, bytes and places for results that C passes by pointer, and its callbacks: all of it is in [`border`]. The
//! exported functions ([`export`]) only translate between C and the safe modules, and let no panic through.

#![deny(unsafe_code)]

mod border;
mod client;
mod export;
mod guard;
mod message;
mod outbox;
mod path;
mod request;
mod server;
mod stop;
mod table;
mod types;

#[cfg(test)]
mod tests;
