//! Memory of the system.

#[cfg(not(loom))]
pub(crate) mod mlock;
pub(crate) mod reserved;
