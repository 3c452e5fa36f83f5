//! The table, over memory of the test, with processes that die when the test says so.

mod fixture;
mod killed;
mod oracle;
mod protocol;
