//! Maps, sets, sorting and reading of numbers that take little room in the program.
//!
//! Those of the standard library are made for millions of entries, and are compiled anew for each type: six kilobytes
//! for each map, four for each sort. Here a map is a sorted vector, which is as fast for what a node has (up to some
//! thousand entries, most of them added at the end), and sorting knows its items by their numbers only.

mod decimal;
mod map;
mod set;
mod sort;

pub use self::decimal::decimal;
pub use self::map::Map;
pub use self::set::Set;
pub use self::sort::{sort, sort_by};
