//! Keeps the caches and ticket key rings that one JavaScript thread has open.
//!
//! The tables belong to the N-API environment. Only the thread of that environment uses them, so a lookup takes no lock.
//! When a worker ends, for any reason, Node runs the finalizer, which closes everything that the worker held open.
//!
//! A handle is the number of a slot and the generation of that slot. So a handle that was closed stays invalid when its slot
//! is used again.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Result, check_status};
use napi::{Env, sys};
use tls_resumption_core::{Cache, wait_until_wiped};

use crate::napi::errors;
use crate::ring::Ring;
use crate::shared_file::SharedFile;

/// How long the end of a thread waits until its caches are wiped.
const WIPE_LIMIT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Handles {
    caches: Table<Cache>,
    rings: Table<Ring>,
    /// The files of caches that have one, by handle. There are few.
    files: RefCell<Vec<(u32, Arc<SharedFile>)>>,
}

struct Table<T>(RefCell<Vec<Slot<T>>>);

struct Slot<T> {
    /// How often the slot was closed, in as many bits as a handle leaves.
    generation: u32,
    held: Option<Arc<T>>,
}

/// A handle has the number of its slot in these low bits, from 1, and above them the generation.
const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

impl<T> Slot<T> {
    fn has(&self, handle: u32) -> bool {
        self.generation == handle >> SLOT_BITS && self.held.is_some()
    }
}

/// Returns the index of the slot of a handle. That of 0 is out of range.
fn index_of(handle: u32) -> usize {
    ((handle & SLOT_MASK) as usize).wrapping_sub(1)
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

/// What a handle can stand for.
pub trait Held: Sized + 'static {
    #[expect(private_interfaces, reason = "the tables are this module's own")]
    fn table(handles: &Handles) -> &Table<Self>;
}

impl Held for Cache {
    #[expect(private_interfaces, reason = "as above")]
    fn table(handles: &Handles) -> &Table<Self> {
        &handles.caches
    }
}

impl Held for Ring {
    #[expect(private_interfaces, reason = "as above")]
    fn table(handles: &Handles) -> &Table<Self> {
        &handles.rings
    }
}

/// Opens a handle in the thread of `env`. Handles are not 0.
pub fn insert<T: Held>(env: Env, held: Arc<T>) -> Result<u32> {
    let mut slots = T::table(of(env)?).0.borrow_mut();
    let free = slots.iter().position(|slot| slot.held.is_none()).unwrap_or_else(|| {
        slots.push(Slot { generation: 0, held: None });
        slots.len() - 1
    });
    let number = u32::try_from(free + 1).ok().filter(|number| *number <= SLOT_MASK);
    let number =
        number.ok_or_else(|| errors::out_of_range("handle", "one of a million open ones"))?;
    slots[free].held = Some(held);
    Ok(slots[free].generation << SLOT_BITS | number)
}

/// Closes a handle. Returns what it stood for, or `None` if it was not open.
pub fn remove<T: Held>(env: Env, handle: u32) -> Result<Option<Arc<T>>> {
    let mut slots = T::table(of(env)?).0.borrow_mut();
    Ok(slots.get_mut(index_of(handle)).filter(|slot| slot.has(handle)).and_then(|slot| {
        slot.generation = (slot.generation + 1) & (u32::MAX >> SLOT_BITS);
        slot.held.take()
    }))
}

/// Calls `action` with what `handle` stands for.
pub fn with<T: Held, R>(env: Env, handle: u32, action: impl FnOnce(&T) -> Result<R>) -> Result<R> {
    let slots = T::table(of(env)?).0.borrow();
    match slots.get(index_of(handle)) {
        Some(Slot { generation, held: Some(held) }) if *generation == handle >> SLOT_BITS => {
            action(held)
        }
        _ => Err(errors::closed()),
    }
}

/// Opens a handle on the cache of a file.
pub fn insert_file(env: Env, file: Arc<SharedFile>) -> Result<u32> {
    let handle = insert(env, Arc::clone(&file.sessions))?;
    of(env)?.files.borrow_mut().push((handle, file));
    Ok(handle)
}

/// Returns the file of a cache, or `None` for a cache without one.
pub fn file_of(env: Env, handle: u32) -> Result<Option<Arc<SharedFile>>> {
    let files = of(env)?.files.borrow();
    let found = files.iter().find(|(its_handle, _)| *its_handle == handle);
    Ok(found.map(|(_, file)| Arc::clone(file)))
}

/// Closes the file of a cache, if it has one.
pub fn remove_file(env: Env, handle: u32) -> Result<()> {
    of(env)?.files.borrow_mut().retain(|(its_handle, _)| *its_handle != handle);
    Ok(())
}

/// Returns the tables of an environment, which are made at their first use.
fn of<'env>(env: Env) -> Result<&'env Handles> {
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: `env` is the environment of the running callback.
    check_status!(unsafe { sys::napi_get_instance_data(env.raw(), &raw mut data) })?;
    if data.is_null() {
        data = Box::into_raw(Box::<Handles>::default()).cast();
        // SAFETY: as above; `drop_handles` takes the box back exactly once, at the end of `env`.
        let status = unsafe {
            sys::napi_set_instance_data(env.raw(), data, Some(drop_handles), ptr::null_mut())
        };
        check_status!(status)?;
    }
    // SAFETY: only this module sets the instance data, always to a `Handles`. It lives until `env` is torn down, and after
    // that no callback runs in it.
    Ok(unsafe { &*data.cast::<Handles>() })
}

unsafe extern "C" fn drop_handles(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` is the box leaked by `of`, and Node calls a finalizer once.
    let handles = unsafe { Box::from_raw(data.cast::<Handles>()) };
    // Unwinding into Node would abort the process. A cache that cannot be dropped stays.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        drop(handles);
        // The process may end next. Wiping a million sessions takes some 50 ms.
        let _ = wait_until_wiped(WIPE_LIMIT);
    }));
}
