//! Memory of the system.

#[cfg(all(any(windows, test), not(loom)))]
mod commit;
#[cfg(not(loom))]
pub(crate) mod mlock;
pub(crate) mod reserved;
#[cfg(all(windows, not(loom)))]
mod windows;
