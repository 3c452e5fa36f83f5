//! Calls N-API directly.

pub mod args;
pub mod errors;
pub mod raw_callback;
