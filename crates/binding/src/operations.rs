//! The data operations. None of them runs JavaScript, takes a lock of its own or allocates.

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use tls_resumption_core::{BufferTooSmall, Cache, EntryOptions, Key, Refused, Ttl};

use crate::args::Arg;
use crate::{errors, handles};

type Read = fn(&Cache, Key<'_>, &mut [u8]) -> std::result::Result<Option<usize>, BufferTooSmall>;
type Write = fn(&Cache, Key<'_>, &[u8], EntryOptions) -> std::result::Result<(), Refused>;

/// Fills `out` and returns the length, 0 for a miss. A blob that does not fit leaves everything as
/// it was and returns its length negated.
fn read(handle: u32, key: &Arg, out: &Arg, operation: Read) -> Result<i32> {
    let out = out.bytes("out", "a Uint8Array")?;
    handles::with(key.env(), handle, |cache| {
        key.with_key(|key| {
            // SAFETY: the operation runs no JavaScript, and the key was read before the slice is made.
            let filled = operation(cache, key, unsafe { out.as_mut_slice() });
            let length = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
            Ok(match filled {
                Ok(filled) => filled.map_or(0, length),
                Err(BufferTooSmall { needed }) => -length(needed),
            })
        })
    })
}

/// Copies `blob` in; false where the cache refuses it. `ttl` is in milliseconds, 0 for the cache's own.
fn write(
    handle: u32,
    key: &Arg,
    blob: &Arg,
    ttl: f64,
    reusable: bool,
    operation: Write,
) -> Result<bool> {
    let blob = blob.bytes("blob", "a Uint8Array")?;
    let entry = EntryOptions { ttl: to_ttl(ttl)?, reusable };
    handles::with(key.env(), handle, |cache| {
        key.with_key(|key| {
            // SAFETY: the operation runs no JavaScript and only copies the blob.
            Ok(operation(cache, key, unsafe { blob.as_slice() }, entry).is_ok())
        })
    })
}

fn to_ttl(millis: f64) -> Result<Option<Ttl>> {
    if millis == 0.0 {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let ttl = Ttl::from_millis(millis as u64);
    ttl.map(Some).ok_or_else(|| errors::out_of_range("ttl", "1 millisecond or more"))
}

/// The newest blob of the key.
#[napi(catch_unwind, ts_args_type = "handle: number, key: string | Uint8Array, out: Uint8Array")]
pub fn get(handle: u32, key: Arg, out: Arg) -> Result<i32> {
    read(handle, &key, &out, Cache::get_into)
}

/// What a connection to the key should offer now.
#[napi(catch_unwind, ts_args_type = "handle: number, key: string | Uint8Array, out: Uint8Array")]
pub fn offer(handle: u32, key: Arg, out: Arg) -> Result<i32> {
    read(handle, &key, &out, Cache::offer_into)
}

/// The newest blob of the key, which goes with it.
#[napi(catch_unwind, ts_args_type = "handle: number, key: string | Uint8Array, out: Uint8Array")]
pub fn take(handle: u32, key: Arg, out: Arg) -> Result<i32> {
    read(handle, &key, &out, Cache::take_into)
}

/// Replaces all there is under the key.
#[napi(
    catch_unwind,
    ts_args_type = "handle: number, key: string | Uint8Array, blob: Uint8Array, ttl: number, reusable: boolean"
)]
pub fn set(handle: u32, key: Arg, blob: Arg, ttl: f64, reusable: bool) -> Result<bool> {
    write(handle, &key, &blob, ttl, reusable, Cache::put)
}

/// Puts one more blob under the key.
#[napi(
    catch_unwind,
    ts_args_type = "handle: number, key: string | Uint8Array, blob: Uint8Array, ttl: number, reusable: boolean"
)]
pub fn add(handle: u32, key: Arg, blob: Arg, ttl: f64, reusable: bool) -> Result<bool> {
    write(handle, &key, &blob, ttl, reusable, Cache::add)
}

/// Whether there is a live blob under the key.
#[napi(catch_unwind, ts_args_type = "handle: number, key: string | Uint8Array")]
pub fn has(handle: u32, key: Arg) -> Result<bool> {
    handles::with(key.env(), handle, |cache| key.with_key(|key| Ok(cache.contains(key))))
}

/// Removes all there is under the key and returns how many blobs that were.
#[napi(catch_unwind, js_name = "remove", ts_args_type = "handle: number, key: string | Uint8Array")]
pub fn remove(handle: u32, key: Arg) -> Result<u32> {
    handles::with(key.env(), handle, |cache| key.with_key(|key| Ok(saturate(cache.remove(key)))))
}

/// A count as JavaScript's bit-sized integers hold it; no cache has this many entries.
pub fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
