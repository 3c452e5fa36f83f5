mod annotated;
mod basic;
mod growth;
mod memory;
mod pairs;
mod recency;
