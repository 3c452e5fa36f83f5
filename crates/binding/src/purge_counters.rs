//! The purge counters of the process, for all threads.
//!
//! The TypeScript signatures are in `src/native/addon.ts`.

use std::sync::LazyLock;

use napi::sys::{napi_callback_info, napi_env, napi_value};
use tls_resumption_core::PurgeCounters;

use crate::napi::raw_callback::{Value, enter};

static PURGES: LazyLock<PurgeCounters> = LazyLock::new(PurgeCounters::new);

/// `purge(name)`: purges the peer of that name.
pub unsafe extern "C" fn purge(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [name, ..]| {
        name.with_key(|name| {
            PURGES.purge(name.as_bytes());
            Ok(Value::Boolean(true))
        })
    })
}

/// `purgesOf(handle, name)`: returns how often the peer was purged.
pub unsafe extern "C" fn of(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [_, name, ..]| {
        name.with_key(|name| Ok(Value::Number(PURGES.of(name.as_bytes()).into())))
    })
}

/// `purges(handle)`: returns a number that changes with each purge.
pub unsafe extern "C" fn total(env: napi_env, info: napi_callback_info) -> napi_value {
    #[expect(clippy::cast_precision_loss, reason = "a count takes centuries to reach 2^53")]
    enter(env, info, |_, _| Ok(Value::Number(PURGES.total() as f64)))
}
