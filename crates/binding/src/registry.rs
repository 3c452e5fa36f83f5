//! Caches with a name: one memory for all threads of the process.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tls_resumption_core::{Cache, Options};

/// A name held only by its users goes with the last of them; a resident one stays.
struct Named {
    cache: Weak<Cache>,
    _resident: Option<Arc<Cache>>,
}

static NAMES: LazyLock<Mutex<HashMap<String, Named>>> = LazyLock::new(Mutex::default);

/// Joins the cache of that name or makes it.
///
/// `conflict` says what an existing cache's options contradict in the ones asked for.
pub fn open<E>(
    name: &str,
    resident: bool,
    make: impl FnOnce() -> Cache,
    conflict: impl FnOnce(&Options) -> Result<(), E>,
) -> Result<Arc<Cache>, E> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cache) = names.get(name).and_then(|named| named.cache.upgrade()) {
        conflict(cache.options())?;
        return Ok(cache);
    }
    names.retain(|_, named| named.cache.strong_count() > 0);
    let cache = Arc::new(make());
    let entry =
        Named { cache: Arc::downgrade(&cache), _resident: resident.then(|| Arc::clone(&cache)) };
    names.insert(name.to_owned(), entry);
    Ok(cache)
}
