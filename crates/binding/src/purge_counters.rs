//! Reads and raises the purge counters of the process, for all threads.
//!
//! The TypeScript signatures are in `src/native/addon.ts`.

use std::sync::LazyLock;

use napi::sys::{napi_callback_info, napi_env, napi_value};
use tls_resumption_core::PurgeCounters;

use crate::napi::raw_callback::{Value, enter};
use crate::{handles, shared_file};

static PURGES: LazyLock<PurgeCounters> = LazyLock::new(PurgeCounters::new);

/// `purge(name)`: purges the peer of that name. Returns false if a file could not be purged.
pub unsafe extern "C" fn purge(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [name, ..]| {
        name.with_key(|name| {
            PURGES.purge(name.as_bytes());
            Ok(Value::Boolean(shared_file::purge_all(name.as_bytes())))
        })
    })
}

/// `purgesOf(handle, name)`: returns how often the peer was purged: in the file of a cache, or in the process.
pub unsafe extern "C" fn of(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, name, ..]| {
        let file = handles::file_of(env, handle.handle())?;
        name.with_key(|name| {
            let name = name.as_bytes();
            let process = || PURGES.of(name).into();
            Ok(number(file.map_or_else(process, |file| file.purges_of(name))))
        })
    })
}

/// `purges(handle)`: returns a number that changes with each purge in the file of a cache, or in the process.
pub unsafe extern "C" fn total(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, ..]| {
        let file = handles::file_of(env, handle.handle())?;
        Ok(number(file.map_or_else(|| PURGES.total(), |file| file.purges())))
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count takes centuries to reach 2^53")]
fn number(count: u64) -> Value {
    Value::Number(count as f64)
}
