//! The certificate chains that sessions were verified with: one store for all threads, without a name, so that only the
//! package reaches it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Result, retain_current_module_for_unload_safety};
use napi_derive::napi;
use tls_resumption_core::{ByteBudget, Cache, Capacity, TicketsPerKey, Ttl};

use crate::handles;
use crate::napi::errors;

const MAX_CHAINS: u64 = 1000;
const MAX_BYTES: u64 = 16 << 20;
/// No session is kept longer (RFC 8446, section 4.6.1), so no chain is needed longer.
const TTL_MS: u64 = 7 * 24 * 60 * 60 * 1000;

static CHAINS: Mutex<Option<Arc<Cache>>> = Mutex::new(None);

/// Opens the process's store of certificate chains for the calling thread. Returns its handle.
#[napi(catch_unwind)]
pub fn open_chains(env: Env) -> Result<u32> {
    // As in `open`: the sweeper's thread outlives the worker that made Node load this library.
    retain_current_module_for_unload_safety();
    let mut chains = CHAINS.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = match &*chains {
        Some(cache) => Arc::clone(cache),
        None => Arc::clone(chains.insert(Arc::new(build()?))),
    };
    handles::insert(env, cache)
}

fn build() -> Result<Cache> {
    let builder = Cache::builder()
        .max(Capacity::new(MAX_CHAINS).expect("in its range"))
        .max_bytes(ByteBudget::new(MAX_BYTES).expect("in its range"))
        .ttl(Ttl::new(Duration::from_millis(TTL_MS)).expect("in its range"))
        .tickets_per_key(TicketsPerKey::new(1).expect("in its range"));
    builder.try_build().map_err(errors::build)
}
