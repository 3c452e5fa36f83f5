//! A TLS peer for tests, with another library than Node.js.
//!
//! `serve` is a server that accepts each session once, and misbehaves on request. `connect` is a client that connects several
//! times. Both print one JSON object per line about each connection.

mod args;
mod common;
mod connect;
mod hello;
mod prefixed;
mod serve;
mod tickets;

use std::error::Error;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let run = args::parse().and_then(|command| match command {
        args::Command::Serve(options) => serve::run(&options),
        args::Command::Connect(options) => connect::run(&options),
    });
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
