//! Which peers were purged: one memory for all threads of the process, as for all caches.
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

/// `purgesOf(name)`: how often it was.
pub unsafe extern "C" fn of(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [name, ..]| {
        name.with_key(|name| Ok(Value::Number(PURGES.of(name.as_bytes()).into())))
    })
}

/// `purges()`: how many purges there were of whatever peers.
pub unsafe extern "C" fn total(env: napi_env, info: napi_callback_info) -> napi_value {
    #[expect(clippy::cast_precision_loss, reason = "a count takes centuries to reach 2^53")]
    enter(env, info, |_, _| Ok(Value::Number(PURGES.total() as f64)))
}
