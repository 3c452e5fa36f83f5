//! Where the entries are found: one sorted list, and the buckets at which walks through it begin.

pub(super) mod list;
pub(super) mod node;
pub(super) mod node_arena;
pub(super) mod split_order;
