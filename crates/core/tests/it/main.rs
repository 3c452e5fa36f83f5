//! The promises of the cache, through the public API.

#[path = "../common/mod.rs"]
mod common;

mod annotated;
mod bounds;
mod buffers;
mod clearing;
mod clocks;
mod expiry;
mod fuzz_seeds;
mod offering;
mod printing;
mod recency;
mod rejections;
mod sweeping;
mod taking;
mod tickets;
