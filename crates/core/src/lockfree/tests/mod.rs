#[cfg(not(loom))]
mod against_the_oracle;
#[cfg(not(loom))]
mod growth;
#[cfg(not(loom))]
mod linear;
#[cfg(loom)]
mod models;
#[cfg(loom)]
mod models_of_growth;
#[cfg(loom)]
mod models_of_memory;
#[cfg(loom)]
mod models_of_pairs;
#[cfg(not(loom))]
pub(super) mod steps;
#[cfg(not(loom))]
mod stopped;
#[cfg(not(loom))]
mod stress;
#[cfg(not(loom))]
mod wiping;
