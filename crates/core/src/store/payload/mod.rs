//! The bytes of blobs, and how they are moved in and out.

pub(crate) mod atomic_copy;
pub(super) mod block_slab;
