//! The table, over memory of the test, with processes that die when the test says so.

#[cfg(not(loom))]
mod fixture;
#[cfg(not(loom))]
mod killed;
#[cfg(loom)]
mod loom;
#[cfg(loom)]
mod loom_fixture;
#[cfg(not(loom))]
mod oracle;
#[cfg(not(loom))]
mod protocol;
