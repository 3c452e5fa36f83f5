use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tls_resumption_core::Cache;

use crate::kx_hints::Hints;
use crate::ticket_table::{Held, Id, Table};

/// How many servers are checked for values without an entry after each insertion.
///
/// It is more than one, so that checks outrun insertions. While two checks per insertion go through the table once, it
/// grows by half, and at most `max` of its old values stay. So it tends to at most 2 `max`.
const CHECKS_AFTER_INSERTION: usize = 2;

/// The sessions of clients with the same verification.
///
/// All `ClientConfig`s with **the same verifier and the same client certificate resolver** may share one, in an [`Arc`](std::sync::Arc).
/// Every other configuration needs its own. Several may share a [`Cache`] without sharing sessions. The
/// [crate documentation](crate) says what it keeps, and for how long.
///
/// ```
/// use std::sync::Arc;
///
/// use rustls::client::Resumption;
/// use tls_resumption_rustls::ClientSessions;
/// use tls_resumption_rustls::cache::Cache;
///
/// let cache = Cache::default();
/// let public = Resumption::store(Arc::new(ClientSessions::new(cache.clone())));
/// let with_client_certificate = Resumption::store(Arc::new(ClientSessions::new(cache)));
/// ```
///
/// Hints about the key exchange group of a server are kept beside the cache, for at most as many servers as the cache may
/// have entries. They are not secret and have no lifetime.
pub struct ClientSessions {
    cache: Cache,
    table: Mutex<Sessions>,
    hints: Mutex<Hints>,
}

// The order in all methods: a value is stored after its entry, and removed before it. A thread that drops a value also
// removes its entry, even if it found the entry gone: another thread may just have set the session again under the
// same id. So threads cause at worst a miss, and no entry stays without a value.

type Sessions = Table<Tls13ClientSessionValue, Tls12ClientSessionValue>;

impl ClientSessions {
    /// Makes an empty store that respects the bounds of `cache`.
    #[must_use]
    pub fn new(cache: Cache) -> Self {
        let max = cache.options().max.get() as usize;
        Self { cache, table: Mutex::new(Table::new()), hints: Mutex::new(Hints::new(max)) }
    }

    /// Returns the cache of the store.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Drops every session that cannot be returned any more, because the cache evicted it, it has expired, or the cache was
    /// cleared. Returns how many it dropped.
    ///
    /// Insertions do this step by step. This method is for stores without insertions for a long time, and for tests.
    pub fn sweep(&self) -> usize {
        // A live server goes back to the end of the queue, so not `while let`.
        let servers = self.table().servers();
        (0..servers).map_while(|_| self.check_one_server()).sum()
    }

    fn check_one_server(&self) -> Option<usize> {
        let check = self.table().begin_check()?;
        let gone = check.compare(&self.cache);
        let dropped = self.table().finish_check(gone);
        for id in &dropped {
            id.remove(&self.cache);
        }
        Some(dropped.len())
    }

    fn check_some_servers(&self) {
        for _ in 0..CHECKS_AFTER_INSERTION {
            self.check_one_server();
        }
    }

    fn pop_ticket(&self, server: &ServerName<'static>) -> Option<Held<Tls13ClientSessionValue>> {
        self.table().pop_ticket(server)
    }

    fn drop_tickets_beyond(&self, keep: usize, server: &ServerName<'static>) {
        let excess = self.table().pop_tickets_beyond(server, keep);
        for ticket in excess {
            ticket.id.remove(&self.cache);
        }
    }

    /// Locks the table for one operation, never while the cache is called.
    ///
    /// Code under the lock panics only if there is no memory. No state of the table is unsafe then: the cache decides
    /// what may be returned, and each value is returned by being removed.
    fn table(&self) -> MutexGuard<'_, Sessions> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hints(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for ClientSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.hints().set(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.hints().get(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        // rustls sets a session again after each resumption. Its entry is overwritten under the same id, so that a full cache
        // evicts no other entry for it.
        let known = self.table().session_id(&server_name);
        let id = known.unwrap_or_else(Id::next);
        if id.enter(&self.cache).is_err() {
            return;
        }
        let replaced = self.table().set_session(server_name, Held { id, value });
        // From another thread, which came in between.
        if let Some(other) = replaced.filter(|other| other.id != id) {
            other.id.remove(&self.cache);
        }
        self.check_some_servers();
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let session = self.table().session(server_name)?;
        if session.id.touch(&self.cache) {
            return Some(session.value);
        }
        if self.table().drop_session(&server_name.to_owned(), session.id) {
            session.id.remove(&self.cache);
        }
        None
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        let removed = self.table().take_session(server_name);
        if let Some(session) = removed {
            session.id.remove(&self.cache);
        }
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        let limit = usize::from(self.cache.options().tickets_per_key.get());
        // First, so that the oldest ticket of this server makes room rather than one of another server.
        self.drop_tickets_beyond(limit - 1, &server_name);
        let id = Id::next();
        // The entry before the value: a thread that finds a value without an entry drops it.
        if id.enter(&self.cache).is_err() {
            return;
        }
        self.table().push_ticket(server_name.clone(), Held { id, value });
        // Once more, because other threads may have inserted in between.
        self.drop_tickets_beyond(limit, &server_name);
        self.check_some_servers();
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        // Popping gives each ticket to one thread. Tickets whose entry is gone are dropped on the way.
        while let Some(ticket) = self.pop_ticket(server_name) {
            if ticket.id.take(&self.cache) {
                return Some(ticket.value);
            }
        }
        None
    }
}

/// Prints only the options of the cache, because sessions are secret and names reveal the peers.
impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessions").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// Removes the entries of the values of this store, which would only take room in the cache.
impl Drop for ClientSessions {
    fn drop(&mut self) {
        let table = self.table.get_mut().unwrap_or_else(PoisonError::into_inner);
        for id in table.ids() {
            id.remove(&self.cache);
        }
    }
}
