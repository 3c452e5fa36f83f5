use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tls_resumption_core::Cache;

use crate::kx_hints::Hints;
use crate::ticket_table::{Held, Id, Table};

/// How many servers are checked for values without an entry after each insertion.
///
/// More than one, so that checks outrun insertions. With two, while the table is gone through once it grows by
/// half of what it had, and of what it had at most `max` values stay; so it tends to 2 `max` at most.
const CHECKS_AFTER_INSERTION: usize = 2;

/// The sessions of clients that verify alike.
///
/// Give one, behind an [`Arc`], to all `ClientConfig`s that have **the same verifier and the same client
/// certificate resolver**, and one of its own to each that does not. Several may share a [`Cache`] without sharing
/// sessions. What it keeps and for how long is said in the [crate's documentation](crate).
///
/// ```
/// use std::sync::Arc;
///
/// use rustls::client::Resumption;
/// use tls_resumption_rustls::ClientSessions;
/// use tls_resumption_rustls::core::Cache;
///
/// let cache = Arc::new(Cache::default());
/// let public = Resumption::store(Arc::new(ClientSessions::new(cache.clone())));
/// let with_client_certificate = Resumption::store(Arc::new(ClientSessions::new(cache)));
/// ```
///
/// The hints which key exchange group a server chose are kept beside the cache, of at most as many servers as the
/// cache has room for entries. They are not secret and have no lifetime.
pub struct ClientSessions {
    cache: Arc<Cache>,
    table: Mutex<Sessions>,
    hints: Mutex<Hints>,
}

// The order of things, in all of what follows: a value comes after its entry and goes before it. Whoever drops a
// value removes its entry too, even one that was found gone: another thread may just have set the session again
// under the same id. So what threads do to one another at worst is a miss, and no entry is left without a value.

type Sessions = Table<Tls13ClientSessionValue, Tls12ClientSessionValue>;

impl ClientSessions {
    /// A store without sessions, which will keep to the bounds of `cache`.
    #[must_use]
    pub fn new(cache: Arc<Cache>) -> Self {
        let max = cache.options().max.get() as usize;
        Self { cache, table: Mutex::new(Table::new()), hints: Mutex::new(Hints::new(max)) }
    }

    /// The cache it was made with.
    #[must_use]
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Drops every session that cannot be handed out any more, because the cache has evicted it, it has expired,
    /// or the cache was cleared; returns how many it dropped.
    ///
    /// Insertions do it little by little. This is for when there may be none for long, and for tests.
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

    /// Only for one operation on the table, never while the cache is called.
    ///
    /// Nothing that runs under the lock panics but for want of memory, and no state of the table is unsafe: the
    /// cache decides what may be handed out, and each value is handed out by being removed.
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
        // rustls sets a session again each time it was resumed. With the id it had, its entry is overwritten, so
        // that in a full cache nothing else is evicted for it.
        let known = self.table().session_id(&server_name);
        let id = known.unwrap_or_else(Id::next);
        if id.enter(&self.cache).is_err() {
            return;
        }
        let replaced = self.table().set_session(server_name, Held { id, value });
        // Another thread's, that came in between.
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
        // First, so that the place of the server's own oldest ticket is used before another server's.
        self.drop_tickets_beyond(limit - 1, &server_name);
        let id = Id::next();
        // The entry before the value: a thread that found a value without an entry would drop it.
        if id.enter(&self.cache).is_err() {
            return;
        }
        self.table().push_ticket(server_name.clone(), Held { id, value });
        // Again, as other threads may have inserted in between.
        self.drop_tickets_beyond(limit, &server_name);
        self.check_some_servers();
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        // Popping is what makes each ticket one thread's; those whose entry is gone are dropped on the way.
        while let Some(ticket) = self.pop_ticket(server_name) {
            if ticket.id.take(&self.cache) {
                return Some(ticket.value);
            }
        }
        None
    }
}

/// Only the cache's options: sessions are secret and names tell who was talked to.
impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessions").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// The entries that stand for values of this store would only take up room in the cache.
impl Drop for ClientSessions {
    fn drop(&mut self) {
        let table = self.table.get_mut().unwrap_or_else(PoisonError::into_inner);
        for id in table.ids() {
            id.remove(&self.cache);
        }
    }
}
