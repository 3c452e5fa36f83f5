//! A counter of revocations in the process. While it stays the same, no thread has to read the generations again.
//!
//! The TypeScript signatures are in `src/native/addon-api.ts`.

use std::sync::atomic::{AtomicU64, Ordering};

use napi::sys::{napi_callback_info, napi_env, napi_value};

use crate::napi::raw_callback::{Value, enter};

static CHANGES: AtomicU64 = AtomicU64::new(0);

/// `noteRevocation()`: counts a generation that was stored before.
pub unsafe extern "C" fn note(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, _| {
        // Release: pairs with `changes`, so that a thread that sees the count also finds the generation.
        CHANGES.fetch_add(1, Ordering::Release);
        Ok(Value::Boolean(true))
    })
}

/// `revocationChanges()`: returns how many generations were stored.
pub unsafe extern "C" fn changes(env: napi_env, info: napi_callback_info) -> napi_value {
    #[expect(clippy::cast_precision_loss, reason = "a count takes centuries to reach 2^53")]
    // Acquire: pairs with `note`.
    enter(env, info, |_, _| Ok(Value::Number(CHANGES.load(Ordering::Acquire) as f64)))
}
