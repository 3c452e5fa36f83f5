//! Where the bytes of blobs are stored, and how they are moved in and out.

pub(super) mod atomic_copy;
pub(super) mod block_slab;
