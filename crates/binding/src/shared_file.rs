//! Caches in a file that all processes of a user share.
//!
//! The TypeScript signatures of the raw callbacks are in `src/native/addon.ts`.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use napi::Env;
use napi::bindgen_prelude::Result;
use napi::sys::{napi_callback_info, napi_env, napi_value};
use napi_derive::napi;
use tls_resumption_core::Cache;

use crate::handles;
use crate::napi::raw_callback::{Value, enter};

/// Why a file was not opened.
#[napi(object)]
pub struct FileProblem {
    /// The name of a `SegmentErrorKind`.
    pub kind: String,
    /// The path of the file.
    pub file: String,
    pub expected: String,
    pub found: String,
}

impl FileProblem {
    pub fn unsupported(path: &str) -> Self {
        let (kind, file) = ("Unsupported".to_owned(), path.to_owned());
        let (expected, found) = ("Linux on 64 bits".to_owned(), std::env::consts::OS.to_owned());
        Self { kind, file, expected, found }
    }
}

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
});

/// Returns a random text that only this process has. It is no secret.
#[napi(catch_unwind)]
pub fn process_token() -> String {
    TOKEN.clone()
}

/// Returns the random name of the file that the path of a cache leads to, or an empty text without one.
#[napi(catch_unwind)]
pub fn file_id(env: Env, handle: u32) -> Result<String> {
    if handle == 0 {
        return Ok(String::new());
    }
    handles::with(env, handle, |_: &Cache| Ok(String::new()))
}

/// `settleOffers(handle, key)`: ends the offers of this process under the key, in the file of a cache.
pub unsafe extern "C" fn settle_offers(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, _| Ok(Value::Boolean(true)))
}

/// `storeChain(handle, digest, chain)`: stores a certificate chain in the file of a cache.
pub unsafe extern "C" fn store_chain(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, _| Ok(Value::Boolean(false)))
}

/// `chain(handle, digest, out)`: copies a certificate chain, and counts as a use of it.
pub unsafe extern "C" fn chain(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, _| Ok(Value::Integer(0)))
}
