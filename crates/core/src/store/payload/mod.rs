//! The bytes of blobs, and how they are moved in and out.

pub(crate) mod atomic_copy;
pub(super) mod block_slab;
#[cfg(all(not(any(loom, miri)), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod wide_moves;
