#[cfg(not(loom))]
mod against_the_oracle;
#[cfg(not(loom))]
mod stress;
