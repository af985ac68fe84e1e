//! Tests of the safe parts; `tests/` has those with C programs.
