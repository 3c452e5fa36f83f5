//! A TLS peer for tests, made with another library than Node's.
//!
//! `serve` is a server that takes each session once only, and misbehaves as it is told; `connect` is a client that
//! connects several times. Both say on standard output, one JSON object a line, what each connection was.

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
