//! Errors as JavaScript sees them. The facade checks arguments first and words its errors better;
//! these are what remains for whoever calls the addon past it.

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

/// In the facade's words for the options.
pub fn unavailable(unavailable: BuildError) -> Error {
    let reason = match unavailable {
        BuildError::AddressSpace { bytes, max, max_bytes } => format!(
            "there is no address space for {bytes} bytes more, \
             which max {max} and maxSize {max_bytes} ask for"
        ),
        other => other.to_string(),
    };
    Error::new(Status::GenericFailure, reason)
}

pub fn refused(refused: KeyRejected) -> Error {
    Error::new(Status::GenericFailure, refused.to_string())
}
