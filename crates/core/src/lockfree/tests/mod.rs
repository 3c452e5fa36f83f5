#[cfg(not(loom))]
mod against_the_oracle;
