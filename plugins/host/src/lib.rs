//! Finds, checks, opens and calls plugins.
