//! The data operations. None of them runs JavaScript, takes a lock or allocates.
//!
//! Their TypeScript signatures are in `src/native/addon.ts`.

use std::time::Duration;

use napi::bindgen_prelude::Result;
use napi::sys::{napi_callback_info, napi_env, napi_value};
use tls_resumption_core::{
    BufferTooSmall, Cache, EntryOptions, Key, Leadership, Lease, Rejected, Ttl,
};

use crate::handles;
use crate::napi::errors;
use crate::napi::raw_callback::{Value, enter};

/// `get(handle, key, out)`: copies the newest blob of the key.
pub unsafe extern "C" fn get(env: napi_env, info: napi_callback_info) -> napi_value {
    read(env, info, Cache::get_into)
}

/// `offer(handle, key, out)`: copies the blob that a connection should offer now.
pub unsafe extern "C" fn offer(env: napi_env, info: napi_callback_info) -> napi_value {
    read(env, info, Cache::offer_into)
}

/// `take(handle, key, out)`: copies the newest blob of the key and removes it.
pub unsafe extern "C" fn take(env: napi_env, info: napi_callback_info) -> napi_value {
    read(env, info, Cache::take_into)
}

/// `set(handle, key, blob, ttl, reusable)`: replaces all entries of the key.
pub unsafe extern "C" fn set(env: napi_env, info: napi_callback_info) -> napi_value {
    write(env, info, Cache::put)
}

/// `add(handle, key, blob, ttl, reusable)`: adds an entry to the key.
pub unsafe extern "C" fn add(env: napi_env, info: napi_callback_info) -> napi_value {
    write(env, info, Cache::add)
}

/// `has(handle, key)`: returns whether the key has a live entry.
pub unsafe extern "C" fn has(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, ..]| {
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| Ok(Value::Boolean(cache.contains(key))))
        })
    })
}

/// `remove(handle, key)`: removes all entries of the key and returns how many.
pub unsafe extern "C" fn remove(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, ..]| {
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| Ok(Value::Integer(to_i32(cache.remove(key)))))
        })
    })
}

/// `lead(handle, key, millis)`: returns a lease on the key, 0 if another connection leads, -1 if no connection leads.
pub unsafe extern "C" fn lead(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, millis, ..]| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let time = Duration::from_millis(millis.number() as u64);
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| {
                Ok(Value::Number(match cache.lead(key, time) {
                    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
                    Leadership::Leads(lease) => lease.to_bits() as f64,
                    Leadership::Follows => 0.0,
                    Leadership::Independent => -1.0,
                }))
            })
        })
    })
}

/// `release(handle, key, lease, productive)`: ends a lease and returns whether it has followers.
pub unsafe extern "C" fn release(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, lease, productive, ..]| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let lease = Lease::from_bits(lease.number() as u64);
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| Ok(Value::Boolean(cache.release(key, lease, productive.is_true()))))
        })
    })
}

pub type Read =
    fn(&Cache, Key<'_>, &mut [u8]) -> std::result::Result<Option<usize>, BufferTooSmall>;

/// Fills `out` and returns the length, or 0 for a miss. A blob that does not fit changes nothing; its length is returned
/// negated.
pub fn read(env: napi_env, info: napi_callback_info, operation: Read) -> napi_value {
    enter(env, info, |env, [handle, key, out, ..]| {
        let mut out = out.scratch("out")?;
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| {
                // SAFETY: the operation runs no JavaScript, and only the facade knows `out`, so `key` is another array.
                let filled = operation(cache, key, unsafe { out.as_mut_slice() });
                Ok(Value::Integer(match filled {
                    Ok(filled) => filled.map_or(0, to_i32),
                    Err(BufferTooSmall { needed, .. }) => -to_i32(needed),
                }))
            })
        })
    })
}

type Write = fn(&Cache, Key<'_>, &[u8], EntryOptions) -> std::result::Result<(), Rejected>;

/// Stores a copy of `blob` and returns whether the cache accepted it. `ttl` is in milliseconds; 0 means that of the
/// cache.
fn write(env: napi_env, info: napi_callback_info, operation: Write) -> napi_value {
    enter(env, info, |env, [handle, key, blob, ttl, reusable, ..]| {
        let blob = blob.bytes("blob", "a Uint8Array")?;
        let entry = EntryOptions::default()
            .with_ttl(to_ttl(ttl.number())?)
            .with_reusable(reusable.is_true());
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| {
                // SAFETY: the operation runs no JavaScript and only copies the blob.
                let stored = operation(cache, key, unsafe { blob.as_slice() }, entry);
                // A file system without room is no mistake of the caller. The cache has counted it.
                Ok(Value::Boolean(matches!(stored, Ok(()) | Err(Rejected::NoRoom))))
            })
        })
    })
}

/// Returns a length, or 0 for a miss, or the negated length of what does not fit.
pub fn length_of(filled: std::result::Result<Option<usize>, BufferTooSmall>) -> Value {
    Value::Integer(match filled {
        Ok(filled) => filled.map_or(0, to_i32),
        Err(BufferTooSmall { needed, .. }) => -to_i32(needed),
    })
}

pub fn to_ttl(millis: f64) -> Result<Option<Ttl>> {
    if millis == 0.0 {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let ttl = Ttl::new(Duration::from_millis(millis as u64));
    ttl.map(Some).ok_or_else(|| errors::out_of_range("ttl", "1 millisecond or more"))
}

/// Converts a length or a count. None is so large that it is cut off.
fn to_i32(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
