//! The caches and rings of keys that one JavaScript thread holds open, and its pending offers.
//!
//! The table belongs to the N-API environment, so only that environment's thread ever touches it
//! and looking a handle up takes no lock. When a worker ends, however it ends, Node runs the
//! finalizer and everything the worker held open is closed.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Result, check_status};
use napi::{Env, sys};
use tls_resumption_core::{Cache, KeyRing, wait_until_wiped};

use crate::napi::errors;
use crate::offer_breaker::OffersOfThread;

/// How long the end of a thread waits until its caches are wiped.
const WIPE_LIMIT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Handles {
    caches: Table<Cache>,
    rings: Table<KeyRing>,
    offers: RefCell<OffersOfThread>,
}

struct Table<T>(RefCell<Vec<Option<Arc<T>>>>);

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

impl Held for KeyRing {
    #[expect(private_interfaces, reason = "as above")]
    fn table(handles: &Handles) -> &Table<Self> {
        &handles.rings
    }
}

/// Puts something into the table of `env`'s thread. Handles start at 1.
pub fn insert<T: Held>(env: Env, held: Arc<T>) -> Result<u32> {
    let mut slots = T::table(of(env)?).0.borrow_mut();
    let free = slots.iter().position(Option::is_none).unwrap_or_else(|| {
        slots.push(None);
        slots.len() - 1
    });
    slots[free] = Some(held);
    u32::try_from(free + 1).map_err(|_| errors::out_of_range("handle", "under 2^32"))
}

/// Takes it out of the table again, or nothing where the handle is not open.
pub fn remove<T: Held>(env: Env, handle: u32) -> Result<Option<Arc<T>>> {
    let mut slots = T::table(of(env)?).0.borrow_mut();
    Ok(slots.get_mut((handle as usize).wrapping_sub(1)).and_then(Option::take))
}

/// Lends what is behind `handle` to `action`.
pub fn with<T: Held, R>(env: Env, handle: u32, action: impl FnOnce(&T) -> Result<R>) -> Result<R> {
    let slots = T::table(of(env)?).0.borrow();
    match slots.get((handle as usize).wrapping_sub(1)) {
        Some(Some(held)) => action(held),
        _ => Err(errors::closed()),
    }
}

/// The offers of `env`'s thread.
pub fn offers<'env>(env: Env) -> Result<&'env RefCell<OffersOfThread>> {
    of(env).map(|handles| &handles.offers)
}

/// The table of an environment, made at its first use.
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
    // SAFETY: this module alone sets the instance data, always to a `Handles`, which lives until
    // `env` is torn down, after which no callback runs in it.
    Ok(unsafe { &*data.cast::<Handles>() })
}

unsafe extern "C" fn drop_handles(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` is the box leaked by `of`, and Node calls a finalizer once.
    let handles = unsafe { Box::from_raw(data.cast::<Handles>()) };
    // Unwinding into Node would abort the process; a cache that cannot be dropped is left behind.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        drop(handles);
        // The process may end next. Wiping a million sessions takes some 50 ms.
        let _ = wait_until_wiped(WIPE_LIMIT);
    }));
}
