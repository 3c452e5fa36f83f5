//! Errors as JavaScript sees them. The facade checks arguments first and has better messages. These remain for callers
//! of the addon itself.

use napi::Status;
use napi::bindgen_prelude::Error;
use tls_resumption_core::{BuildError, KeyError, KeyRejected};

pub fn wrong_type(name: &str, expected: &str) -> Error {
    Error::new(Status::InvalidArg, format!("`{name}` must be {expected}"))
}

pub fn out_of_range(name: &str, expected: &str) -> Error {
    Error::new(Status::InvalidArg, format!("`{name}` must be {expected}"))
}

pub fn key(error: &KeyError) -> Error {
    Error::new(Status::InvalidArg, format!("`key`: {error}"))
}

pub fn closed() -> Error {
    Error::new(Status::InvalidArg, "the handle is not open in this thread".to_owned())
}

/// Uses the names that the facade has for the options.
pub fn build(error: BuildError) -> Error {
    let reason = match error {
        BuildError::AddressSpace { bytes, max, max_bytes } => format!(
            "there is no address space for {bytes} bytes more, \
             which max {max} and maxSize {max_bytes} ask for"
        ),
        other => other.to_string(),
    };
    Error::new(Status::GenericFailure, reason)
}

pub fn key_rejected(rejected: KeyRejected) -> Error {
    Error::new(Status::GenericFailure, rejected.to_string())
}
