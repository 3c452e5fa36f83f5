//! Stores and reads sessions with a record of their verification. The core keeps the record as an annotation that it does
//! not interpret.
//!
//! The TypeScript signatures are in `src/native/addon.ts`.

use napi::sys::{napi_callback_info, napi_env, napi_value};
use tls_resumption_core::{Annotation, Cache, EntryId, EntryOptions, Outcome, Permission};

use crate::handles;
use crate::napi::errors;
use crate::napi::raw_callback::{Value, enter};
use crate::offer_breaker::{breaker_now, permission, record};
use crate::operations::{length_of, read, to_ttl};

const REUSABLE: u32 = 1;
const ADD: u32 = 2;

/// `storeVerified(handle, key, blob, record, ttl, flags)`: stores a blob with its record and returns a number that names
/// the entry. Returns 0 if the cache rejected it, or evicted it at once.
pub unsafe extern "C" fn store(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, blob, record, ttl, flags]| {
        let blob = blob.bytes("blob", "a Uint8Array")?;
        let record = record.bytes("record", "a Uint8Array")?;
        // SAFETY: no JavaScript runs here, the record is only read, and the memory is not shared.
        let record: &Annotation = unsafe { record.as_slice() }
            .try_into()
            .map_err(|_| errors::out_of_range("record", "64 bytes long"))?;
        let flags = flags.handle();
        let options = EntryOptions::default()
            .with_ttl(to_ttl(ttl.number())?)
            .with_reusable(flags & REUSABLE != 0);
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| {
                // SAFETY: as above; the operation only copies the blob.
                let blob = unsafe { blob.as_slice() };
                let stored = if flags & ADD == 0 {
                    cache.put_annotated(key, record, blob, options)
                } else {
                    cache.add_annotated(key, record, blob, options)
                };
                #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
                Ok(Value::Number(stored.map_or(0, EntryId::to_bits) as f64))
            })
        })
    })
}

/// `offerVerified(handle, key, out)`: as `offer`, but the record of 64 bytes comes first and then the blob.
pub unsafe extern "C" fn offer(env: napi_env, info: napi_callback_info) -> napi_value {
    read(env, info, Cache::offer_annotated_into)
}

/// No blob is so long that these are its negated length.
const PAUSE: i32 = i32::MIN;
const PROBE: i32 = i32::MIN + 1;

/// `offerPermitted(handle, key, out, endpoint)`: as `offerVerified`, if the breaker permits an offer. Otherwise returns
/// -2^31 for a pause, or -2^31 + 1 for a probe. Where there is no session, the breaker is told so.
pub unsafe extern "C" fn offer_permitted(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, out, endpoint, ..]| {
        let mut out = out.scratch("out")?;
        let file = handles::file_of(env, handle.handle())?;
        let file = file.as_deref();
        handles::with(env, handle.handle(), |cache: &Cache| {
            endpoint.with_key(|endpoint| {
                key.with_key(|key| {
                    let (endpoint, name, now) =
                        (endpoint.as_bytes(), key.as_bytes(), breaker_now());
                    match permission(file, endpoint, name, now) {
                        Permission::Pause => return Ok(Value::Integer(PAUSE)),
                        Permission::Probe => return Ok(Value::Integer(PROBE)),
                        Permission::Offer => {}
                    }
                    // SAFETY: the operation runs no JavaScript, and only the facade knows `out`, so `key` is another array.
                    let filled = cache.offer_annotated_into(key, unsafe { out.as_mut_slice() });
                    if matches!(filled, Ok(None)) {
                        record(file, Outcome::NotOffered, endpoint, name, now);
                    }
                    Ok(length_of(filled))
                })
            })
        })
    })
}

/// `removeEntry(handle, key, id)`: removes the entry that `storeVerified` named, if it is still under the key.
pub unsafe extern "C" fn remove_entry(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, id, ..]| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let id = EntryId::from_bits(id.number() as u64);
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| Ok(Value::Boolean(cache.remove_entry(key, id))))
        })
    })
}
