//! The index of entries: one sorted list, and buckets that are short cuts into it.

pub(super) mod list;
pub(super) mod node;
pub(super) mod node_arena;
pub(super) mod split_order;
