//! Memory from the system.

#[cfg(not(loom))]
mod mlock;
pub(crate) mod reserved;
