//! The circuit breaker for offers: one for all threads of the process, and one in each file.
//!
//! The TypeScript signatures are in `src/native/addon.ts`. Times are milliseconds; what is no number is the time now.

use std::sync::LazyLock;
use std::time::Duration;

use napi::bindgen_prelude::Result;
use napi::sys::{napi_callback_info, napi_env, napi_value};
use tls_resumption_core::{Clock, OfferBreaker, Outcome, Permission, SystemClock};

use crate::handles;
use crate::napi::args::Arg;
use crate::napi::errors;
use crate::napi::raw_callback::{Value, enter};
use crate::shared_file::SharedFile;

static BREAKER: LazyLock<(OfferBreaker, SystemClock)> =
    LazyLock::new(|| (OfferBreaker::new(), SystemClock::new()));

/// As numbered in `src/cache/offer-breaker.ts`.
const OUTCOMES: [Outcome; 7] = [
    Outcome::Resumed,
    Outcome::Rejected,
    Outcome::Alerted,
    Outcome::Broken,
    Outcome::FullSucceeded,
    Outcome::FullFailed,
    Outcome::NotOffered,
];

/// `breakerMayOffer(endpoint, key, now, handle)`: 0 if the connection must not offer, 1 if it may, 2 if it probes.
pub unsafe extern "C" fn may_offer(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [endpoint, key, now, handle, ..]| {
        let now = time(&now);
        let file = handles::file_of(env, handle.handle())?;
        with_names(&endpoint, &key, |endpoint, key| {
            Value::Integer(match permission(file.as_deref(), endpoint, key, now) {
                Permission::Pause => 0,
                Permission::Offer => 1,
                Permission::Probe => 2,
            })
        })
    })
}

/// `breakerReport(outcome, endpoint, key, now, handle)`: records what became of a handshake.
pub unsafe extern "C" fn report(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [outcome, endpoint, key, now, handle, ..]| {
        let outcome = OUTCOMES
            .get(outcome.handle() as usize)
            .ok_or_else(|| errors::out_of_range("outcome", "from 0 to 6"))?;
        let now = time(&now);
        let file = handles::file_of(env, handle.handle())?;
        with_names(&endpoint, &key, |endpoint, key| {
            record(file.as_deref(), *outcome, endpoint, key, now);
            Value::Boolean(true)
        })
    })
}

/// Asks the breaker of the file of a cache, or that of the process.
pub fn permission(
    file: Option<&SharedFile>,
    endpoint: &[u8],
    key: &[u8],
    now: Duration,
) -> Permission {
    match file {
        Some(file) => file.segment.may_offer(endpoint, key),
        None => BREAKER.0.may_offer(endpoint, key, now),
    }
}

/// Reports to the breaker of the file of a cache, or to that of the process.
pub fn record(
    file: Option<&SharedFile>,
    outcome: Outcome,
    endpoint: &[u8],
    key: &[u8],
    now: Duration,
) {
    match file {
        Some(file) => file.segment.report(outcome, endpoint, key),
        None => BREAKER.0.report(outcome, endpoint, key, now),
    }
}

/// Returns the time of the process's breaker.
pub fn breaker_now() -> Duration {
    BREAKER.1.now()
}

/// `breakerForgetEndpoint(endpoint, handle)`: forgets what is recorded about an endpoint.
pub unsafe extern "C" fn forget_endpoint(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [endpoint, handle, ..]| {
        let file = handles::file_of(env, handle.handle())?;
        endpoint.with_key(|endpoint| {
            match &file {
                Some(file) => file.segment.forget_endpoint(endpoint.as_bytes()),
                None => BREAKER.0.forget_endpoint(endpoint.as_bytes()),
            }
            Ok(Value::Boolean(true))
        })
    })
}

/// `breakerForgetAll()`: forgets everything.
pub unsafe extern "C" fn forget_all(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, _| {
        BREAKER.0.forget_all();
        Ok(Value::Boolean(true))
    })
}

fn with_names(
    endpoint: &Arg,
    key: &Arg,
    action: impl FnOnce(&[u8], &[u8]) -> Value,
) -> Result<Value> {
    endpoint
        .with_key(|endpoint| key.with_key(|key| Ok(action(endpoint.as_bytes(), key.as_bytes()))))
}

fn time(now: &Arg) -> Duration {
    let now = now.number();
    if now.is_nan() { breaker_now() } else { to_duration(now) }
}

fn to_duration(millis: f64) -> Duration {
    Duration::from_millis(to_integer(millis))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn to_integer(number: f64) -> u64 {
    number as u64
}
