//! Opens ticket key rings, and has the operations on them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Result, retain_current_module_for_unload_safety};
use napi::sys::{napi_callback_info, napi_env, napi_value};
use napi_derive::napi;
use tls_resumption_core::{
    Activation, AgedKey, KEY_SECRET_LEN, Keep, KeyInfo, KeyRejected, KeyRing, RotateEvery,
    SharedKeyRing, TICKET_KEY_LEN, TicketKey,
};

use crate::cache::{Opened, millis, number, to_millis};
use crate::handles;
use crate::napi::errors;
use crate::napi::raw_callback::{Value, enter};
use crate::registry::Registry;
use crate::ring::Ring;
use crate::shared_file;

static NAMES: Registry<Ring> = Registry::new();
static PATHS: Registry<Ring> = Registry::new();

/// The options of the facade.
#[napi(object)]
pub struct RingOptions {
    /// The name under which all threads share the ring. Without one it is private to the handle.
    pub name: Option<String>,
    /// The path of the file by which processes share the ring.
    pub path: Option<String>,
    /// Milliseconds that a key stays active, 1 to seven days; 0 means until a rotation.
    pub rotate_every: f64,
    /// The number of keys at most, 1 to 64.
    pub keep: f64,
}

/// A key without its secrets.
#[napi(object)]
pub struct RingKey {
    /// The number of keys before it.
    pub generation: f64,
    /// Milliseconds since it became active.
    pub age: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds stay far below 2^53")]
impl From<KeyInfo> for RingKey {
    fn from(key: KeyInfo) -> Self {
        Self { generation: key.generation as f64, age: to_millis(key.age) as f64 }
    }
}

/// Opens a ring for the calling thread.
#[napi(catch_unwind)]
pub fn ring_open(env: Env, options: RingOptions) -> Result<Opened> {
    // A worker may be the first to load this library, and names outlive it.
    retain_current_module_for_unload_safety();
    let rotate_every = match options.rotate_every {
        0.0 => None,
        every => number("rotateEvery", Some(every), millis(RotateEvery::new))?,
    };
    let keep = number("keep", Some(options.keep), Keep::new)?.unwrap_or_default();
    let contradictions_of = |open: &Ring| {
        let every = |every: Option<RotateEvery>| every.map_or(0, |every| to_millis(every.get()));
        let mut contradictions = Vec::new();
        if open.rotate_every() != rotate_every {
            let (has, asked) = (every(open.rotate_every()), every(rotate_every));
            contradictions.push(format!("rotateEvery is {has}, asked for {asked}"));
        }
        if open.keep() != keep {
            let (has, asked) = (open.keep().get(), keep.get());
            contradictions.push(format!("keep is {has}, asked for {asked}"));
        }
        contradictions
    };
    if let Some(path) = &options.path {
        // Each opener records in the file what it asks for. The first ring serves the whole process.
        let made = match SharedKeyRing::open(path, rotate_every, keep) {
            Ok(made) => Ring::InFile(made),
            Err(error) => return Ok(Opened::failed(error.into())),
        };
        let opened: Result<std::result::Result<_, ()>> =
            PATHS.open(path, false, || Ok(made), |_| Ok(()));
        let Ok(ring) = opened? else { unreachable!("no options contradict") };
        let contradictions = contradictions_of(&ring);
        return Ok(Opened {
            handle: handles::insert(env, ring)?,
            ..Opened::contradicted(contradictions)
        });
    }
    let make =
        || KeyRing::new(rotate_every, keep).map(Ring::OfProcess).map_err(errors::key_rejected);
    let opened = match &options.name {
        None => Ok(Arc::new(make()?)),
        Some(name) => NAMES.open(name, false, make, |open| {
            let contradictions = contradictions_of(open);
            if contradictions.is_empty() { Ok(()) } else { Err(contradictions) }
        })?,
    };
    Ok(match opened {
        Ok(ring) => {
            Opened { handle: handles::insert(env, ring)?, ..Opened::contradicted(Vec::new()) }
        }
        Err(contradictions) => Opened::contradicted(contradictions),
    })
}

/// Closes a handle. Does nothing if it is not open.
#[napi(catch_unwind)]
pub fn ring_close(env: Env, handle: u32) -> Result<()> {
    handles::remove::<Ring>(env, handle).map(drop)
}

/// Makes a new random key the active one.
#[napi(catch_unwind)]
pub fn ring_rotate(env: Env, handle: u32) -> Result<()> {
    handles::with(env, handle, |ring: &Ring| ring.rotate().map_err(errors::key_rejected))
}

/// Ends all earlier tickets and sessions of servers in the files that this process has open: what else revokes them ends
/// with the process.
#[napi(catch_unwind)]
pub fn revoke_files() -> Result<()> {
    shared_file::clear_servers();
    let failed = Mutex::new(None);
    PATHS.for_each(|ring| {
        if let Err(rejected) = ring.revoke() {
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(rejected);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), |rejected| Err(errors::key_rejected(rejected)))
}

/// Makes a given key the active one. Returns the reason if it does not.
#[napi(catch_unwind)]
pub fn ring_insert(env: Env, handle: u32, key: &[u8]) -> Result<Option<String>> {
    let key = key.try_into().map_err(|_| errors::wrong_type("key", "48 bytes"))?;
    let key = TicketKey::new(key);
    handles::with(env, handle, |ring: &Ring| {
        Ok(ring.insert(&key).err().map(|rejected: KeyRejected| rejected.to_string()))
    })
}

/// The bytes of a key with its age: how many milliseconds ago it became active, then the key.
const AGED_KEY_LEN: usize = size_of::<i64>() + TICKET_KEY_LEN;

/// Replaces all keys by `keys`, the active one first. Returns the reason if it does not.
#[napi(catch_unwind)]
pub fn ring_replace(
    env: Env,
    handle: u32,
    keys: &[u8],
    overdue_factor: u32,
) -> Result<Option<String>> {
    let (chunks, rest) = keys.as_chunks::<AGED_KEY_LEN>();
    if !rest.is_empty() {
        return Err(errors::wrong_type("keys", "56 bytes a key"));
    }
    let keys: Vec<_> = chunks.iter().map(decode).collect();
    handles::with(env, handle, |ring: &Ring| {
        Ok(ring.replace(&keys, overdue_factor).err().map(|rejected| rejected.to_string()))
    })
}

fn decode(chunk: &[u8; AGED_KEY_LEN]) -> AgedKey {
    let (age, key) = chunk.split_first_chunk().expect("it is longer");
    let age = i64::from_le_bytes(*age);
    let time = Duration::from_millis(age.unsigned_abs());
    let activation = if age < 0 { Activation::In(time) } else { Activation::Ago(time) };
    AgedKey::new(TicketKey::new(key.try_into().expect("the rest is a key")), activation)
}

fn encode(aged: &AgedKey, chunk: &mut [u8; AGED_KEY_LEN]) {
    let millis = |time| i64::try_from(to_millis(time)).unwrap_or(i64::MAX);
    let age = match aged.activation {
        Activation::Ago(time) => millis(time),
        Activation::In(time) => -millis(time),
    };
    let (its_age, its_key) = chunk.split_at_mut(size_of::<i64>());
    its_age.copy_from_slice(&age.to_le_bytes());
    its_key.copy_from_slice(aged.key.as_bytes());
}

/// Rotates if that is due, and wipes the keys whose time is up.
#[napi(catch_unwind)]
pub fn ring_tick(env: Env, handle: u32) -> Result<()> {
    handles::with(env, handle, |ring: &Ring| {
        ring.tick();
        Ok(())
    })
}

/// Returns the keys, newest first.
#[napi(catch_unwind)]
pub fn ring_keys(env: Env, handle: u32) -> Result<Vec<RingKey>> {
    handles::with(env, handle, |ring: &Ring| {
        Ok(ring.keys().into_iter().map(RingKey::from).collect())
    })
}

/// `ringActiveKey(handle, out)`: copies the active key into the 48 bytes of `out`.
pub unsafe extern "C" fn active_key(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, out, ..]| {
        let mut out = out.scratch("out")?;
        handles::with(env, handle.handle(), |ring: &Ring| {
            // SAFETY: nothing here runs JavaScript, and only the facade knows `out`.
            let out = unsafe { out.as_mut_slice() };
            let out: &mut [u8; TICKET_KEY_LEN] =
                out.try_into().map_err(|_| errors::wrong_type("out", "48 bytes"))?;
            let Some(key) = ring.active() else { return Ok(Value::Boolean(false)) };
            out.copy_from_slice(key.as_bytes());
            Ok(Value::Boolean(true))
        })
    })
}

/// `ringExport(handle, out)`: copies the keys and their ages, newest first, into `out`, which has room for all of them.
/// Returns how many bytes it copied.
pub unsafe extern "C" fn export(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, out, ..]| {
        let mut out = out.scratch("out")?;
        handles::with(env, handle.handle(), |ring: &Ring| {
            let keys = ring.export();
            // SAFETY: nothing here runs JavaScript, and only the facade knows `out`.
            let (places, _) = unsafe { out.as_mut_slice() }.as_chunks_mut::<AGED_KEY_LEN>();
            if keys.len() > places.len() {
                return Err(errors::wrong_type("out", "larger"));
            }
            for (key, place) in keys.iter().zip(places) {
                encode(key, place);
            }
            Ok(Value::Integer(i32::try_from(keys.len() * AGED_KEY_LEN).unwrap_or(i32::MAX)))
        })
    })
}

/// `ringFind(handle, name, out)`: copies the secrets of the key with that name into the 32 bytes of `out`. Returns how many
/// keys are newer, or -1 if there is no such key.
pub unsafe extern "C" fn find(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, name, out, ..]| {
        let name = name.bytes("name", "a Uint8Array")?;
        let mut out = out.scratch("out")?;
        handles::with(env, handle.handle(), |ring: &Ring| {
            // SAFETY: nothing here runs JavaScript; it is copied before `out` is written to.
            let name: [u8; 16] = unsafe { name.as_slice() }
                .try_into()
                .map_err(|_| errors::wrong_type("name", "16 bytes"))?;
            // SAFETY: as above, and only the facade knows `out`.
            let out = unsafe { out.as_mut_slice() };
            let out: &mut [u8; KEY_SECRET_LEN] =
                out.try_into().map_err(|_| errors::wrong_type("out", "32 bytes"))?;
            let Some(found) = ring.find(&name) else { return Ok(Value::Integer(-1)) };
            out.copy_from_slice(found.key.secrets());
            Ok(Value::Integer(i32::try_from(found.newer).unwrap_or(i32::MAX)))
        })
    })
}
