//! Keeps named caches and rings, which all threads of the process share.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// A named thing. It is dropped with its last user, unless it is resident.
struct Named<T> {
    held: Weak<T>,
    _resident: Option<Arc<T>>,
}

/// The named things of one kind.
pub struct Registry<T>(LazyLock<Mutex<HashMap<String, Named<T>>>>);

impl<T> Registry<T> {
    pub const fn new() -> Self {
        Self(LazyLock::new(Mutex::default))
    }

    /// Opens the thing of that name, or makes it.
    ///
    /// `conflict` returns the options of an existing one that contradict the given ones.
    pub fn open<C, E>(
        &self,
        name: &str,
        resident: bool,
        make: impl FnOnce() -> Result<T, E>,
        conflict: impl FnOnce(&T) -> Result<(), C>,
    ) -> Result<Result<Arc<T>, C>, E> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = names.get(name).and_then(|named| named.held.upgrade()) {
            return Ok(conflict(&held).map(|()| held));
        }
        names.retain(|_, named| named.held.strong_count() > 0);
        let held = Arc::new(make()?);
        let resident = resident.then(|| Arc::clone(&held));
        names.insert(name.to_owned(), Named { held: Arc::downgrade(&held), _resident: resident });
        Ok(Ok(held))
    }

    /// Calls `each` for every thing that has a user.
    pub fn for_each(&self, each: impl Fn(&T)) {
        let held: Vec<_> = {
            let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            names.values().filter_map(|named| named.held.upgrade()).collect()
        };
        for held in &held {
            each(held);
        }
    }
}
