#[cfg(not(loom))]
mod against_the_oracle;
#[cfg(not(loom))]
mod linear;
#[cfg(loom)]
mod models;
#[cfg(not(loom))]
mod stopped;
#[cfg(not(loom))]
mod stress;
