//! Raw N-API callbacks, for the functions that are called for every connection.
//!
//! A function that napi-rs' macro exports takes about 100 ns per call as soon as it has an argument, for work that these
//! arguments do not need.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{Error, JsValue, Object, Result, check_status};
use napi::{Env, Status, sys};
use napi_derive::napi;

use crate::napi::args::Arg;
use crate::{
    aead, offer_breaker, operations, purge_counters, revocations, session, shared_file,
    ticket_keys, verified,
};

/// The maximum number of arguments of a function.
pub const ARITY: usize = 6;

/// A value that an operation returns to JavaScript.
pub enum Value {
    Integer(i32),
    Boolean(bool),
    Number(f64),
}

/// Runs a callback: reads the arguments and calls `operation`. Turns an error into an exception, and a panic into an
/// error.
pub fn enter(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    operation: impl FnOnce(Env, [Arg; ARITY]) -> Result<Value>,
) -> sys::napi_value {
    let run = || -> Result<sys::napi_value> {
        let mut count = ARITY;
        let mut values = [ptr::null_mut(); ARITY];
        // SAFETY: Node passed `env` and `info` for this call. It writes at most `count` values, and
        // fills missing ones with `undefined`.
        check_status!(unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut count,
                values.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        // SAFETY: the values are the arguments of this call, and `operation` ends before the call does.
        let args = values.map(|value| unsafe { Arg::new(env, value) });
        let returned = operation(Env::from_raw(env), args)?;
        let mut result = ptr::null_mut();
        let status = match returned {
            // SAFETY: `env` is that of the running callback; the out-parameter is live.
            Value::Integer(value) => unsafe { sys::napi_create_int32(env, value, &raw mut result) },
            // SAFETY: as above.
            Value::Boolean(value) => unsafe { sys::napi_get_boolean(env, value, &raw mut result) },
            // SAFETY: as above.
            Value::Number(value) => unsafe { sys::napi_create_double(env, value, &raw mut result) },
        };
        check_status!(status)?;
        Ok(result)
    };
    let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Error::new(Status::GenericFailure, "the native cache panicked".to_owned()))
    });
    outcome.unwrap_or_else(|error| {
        // This can fail while the environment is being torn down. Then no JavaScript is left to catch it.
        let _ = Env::from_raw(env).throw_error(&error.reason, Some(error.status.as_ref()));
        ptr::null_mut()
    })
}

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// Exports the raw callbacks in addition to the exports of napi-rs.
#[napi(module_exports)]
pub fn export(exports: Object<'_>, env: Env) -> Result<()> {
    let functions: [(&CStr, Callback); 33] = [
        (c"get", operations::get),
        (c"offer", operations::offer),
        (c"take", operations::take),
        (c"set", operations::set),
        (c"add", operations::add),
        (c"storeVerified", verified::store),
        (c"offerVerified", verified::offer),
        (c"offerPermitted", verified::offer_permitted),
        (c"removeEntry", verified::remove_entry),
        (c"has", operations::has),
        (c"remove", operations::remove),
        (c"lead", operations::lead),
        (c"release", operations::release),
        (c"breakerMayOffer", offer_breaker::may_offer),
        (c"breakerReport", offer_breaker::report),
        (c"breakerForgetEndpoint", offer_breaker::forget_endpoint),
        (c"breakerForgetAll", offer_breaker::forget_all),
        (c"purge", purge_counters::purge),
        (c"purgesOf", purge_counters::of),
        (c"purges", purge_counters::total),
        (c"settleOffers", shared_file::settle_offers),
        (c"storeChain", shared_file::store_chain),
        (c"chain", shared_file::chain),
        (c"noteRevocation", revocations::note),
        (c"revocationChanges", revocations::changes),
        (c"sessionInfo", session::info),
        (c"sessionFingerprint", session::fingerprint),
        (c"crlNextUpdate", session::crl_bound),
        (c"ringActiveKey", ticket_keys::active_key),
        (c"ringFind", ticket_keys::find),
        (c"ringExport", ticket_keys::export),
        (c"aeadSeal", aead::seal),
        (c"aeadOpen", aead::open),
    ];
    for (name, callback) in functions {
        let mut function = ptr::null_mut();
        // SAFETY: `env` is live while the module is being loaded, the name ends in NUL, and the
        // callback is a function of this library, which is pinned before it can be unloaded.
        check_status!(unsafe {
            sys::napi_create_function(
                env.raw(),
                name.as_ptr(),
                name.count_bytes().cast_signed(),
                Some(callback),
                ptr::null_mut(),
                &raw mut function,
            )
        })?;
        // SAFETY: `exports` is the module's object, and the function was made in the same `env`.
        check_status!(unsafe {
            sys::napi_set_named_property(env.raw(), exports.raw(), name.as_ptr(), function)
        })?;
    }
    Ok(())
}
