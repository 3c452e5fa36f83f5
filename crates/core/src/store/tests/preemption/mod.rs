pub(in crate::store) mod scheduler;
mod stopped;
