#[cfg(not(loom))]
mod bounded;
#[cfg(not(loom))]
mod growth;
#[cfg(not(loom))]
mod linearizability;
#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod oracle_equivalence;
#[cfg(not(loom))]
mod panics;
#[cfg(not(loom))]
pub(super) mod preemption;
#[cfg(not(loom))]
mod stress;
#[cfg(not(loom))]
mod wiping;
