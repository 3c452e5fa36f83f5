use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::ServerName;
use tls_resumption_core::{Cache, Key, Rejected};

use crate::ttl;

/// The prefix of the keys of all clients. No other user of the cache may use it.
const CLIENT: &[u8; 14] = b"rustls-client\0";

/// Names an entry of the cache that stands for a value in any [`Table`] of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(u64);

impl Id {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Relaxed: the numbers only have to differ. 64 bits do not overflow.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Adds an entry to the cache.
    pub(crate) fn enter(self, cache: &Cache) -> Result<(), Rejected> {
        self.with_key(|key| cache.put(key, &[0], ttl::entry_options()))
    }

    /// True if the entry is stored. Does not change recency.
    pub(crate) fn is_live(self, cache: &Cache) -> bool {
        self.with_key(|key| cache.contains(key))
    }

    /// True if the entry is stored. It becomes the most recently used one.
    pub(crate) fn touch(self, cache: &Cache) -> bool {
        self.with_key(|key| cache.get(key).is_some())
    }

    /// Removes the entry as handed out. Returns whether it was stored.
    pub(crate) fn take(self, cache: &Cache) -> bool {
        self.with_key(|key| cache.take(key).is_some())
    }

    /// Removes the entry if it is stored.
    pub(crate) fn remove(self, cache: &Cache) {
        self.with_key(|key| cache.remove(key));
    }

    fn with_key<R>(self, operation: impl FnOnce(Key<'_>) -> R) -> R {
        let mut bytes = [0; CLIENT.len() + size_of::<u64>()];
        bytes[..CLIENT.len()].copy_from_slice(CLIENT);
        bytes[CLIENT.len()..].copy_from_slice(&self.0.to_be_bytes());
        operation(Key::new(&bytes).expect("its length is permitted"))
    }
}

/// A value and the entry that decides whether it may be returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held<V> {
    pub(crate) id: Id,
    pub(crate) value: V,
}

/// The values that a cache of bytes cannot hold, by server. It knows no cache, so a value in it may be one that must not be
/// returned any more.
///
/// A server is in `servers` if and only if it is in `to_check` or is being checked. So every value is checked in its turn,
/// and the queue is no longer than the map.
pub(crate) struct Table<Ticket, Session> {
    servers: HashMap<Arc<ServerName<'static>>, OfServer<Ticket, Session>>,
    to_check: VecDeque<Arc<ServerName<'static>>>,
}

struct OfServer<Ticket, Session> {
    /// The oldest first.
    tickets: VecDeque<Held<Ticket>>,
    session: Option<Held<Session>>,
}

/// The check of one server: which of these ids are not live any more?
pub(crate) struct Check {
    server: Arc<ServerName<'static>>,
    ids: Vec<Id>,
}

impl<Ticket, Session> Table<Ticket, Session> {
    pub(crate) fn new() -> Self {
        Self { servers: HashMap::new(), to_check: VecDeque::new() }
    }

    /// Adds a ticket as the newest of its server.
    pub(crate) fn push_ticket(&mut self, server: ServerName<'static>, ticket: Held<Ticket>) {
        self.of_server(server).tickets.push_back(ticket);
    }

    /// Removes the newest ticket and returns it.
    pub(crate) fn pop_ticket(&mut self, server: &ServerName<'static>) -> Option<Held<Ticket>> {
        self.servers.get_mut(server)?.tickets.pop_back()
    }

    /// Removes all tickets except the newest `keep` and returns them.
    pub(crate) fn pop_tickets_beyond(
        &mut self,
        server: &ServerName<'static>,
        keep: usize,
    ) -> Vec<Held<Ticket>> {
        let Some(of_server) = self.servers.get_mut(server) else {
            return Vec::new();
        };
        let excess = of_server.tickets.len().saturating_sub(keep);
        of_server.tickets.drain(..excess).collect()
    }

    /// Returns a copy of the session.
    pub(crate) fn session(&self, server: &ServerName<'_>) -> Option<Held<Session>>
    where
        Session: Clone,
    {
        self.servers.get(server)?.session.clone()
    }

    pub(crate) fn session_id(&self, server: &ServerName<'static>) -> Option<Id> {
        self.servers.get(server)?.session.as_ref().map(|session| session.id)
    }

    /// Sets the session and returns the previous one.
    pub(crate) fn set_session(
        &mut self,
        server: ServerName<'static>,
        session: Held<Session>,
    ) -> Option<Held<Session>> {
        self.of_server(server).session.replace(session)
    }

    pub(crate) fn take_session(&mut self, server: &ServerName<'static>) -> Option<Held<Session>> {
        self.servers.get_mut(server)?.session.take()
    }

    /// Drops the session if it has this id. Returns whether it did.
    pub(crate) fn drop_session(&mut self, server: &ServerName<'static>, id: Id) -> bool {
        let of_server = self.servers.get_mut(server);
        of_server.is_some_and(|it| it.session.take_if(|session| session.id == id).is_some())
    }

    /// Returns the number of servers, including those without values that wait for their check.
    pub(crate) fn servers(&self) -> usize {
        self.servers.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        self.servers.values().flat_map(OfServer::ids)
    }

    /// Begins the check of the next server. The table can be used normally until [`finish_check`](Self::finish_check).
    pub(crate) fn begin_check(&mut self) -> Option<Check> {
        let server = self.to_check.pop_front()?;
        let ids = self.servers.get(&server).map_or_else(Vec::new, OfServer::ids);
        Some(Check { server, ids })
    }

    /// Drops the values whose entries are gone and returns their ids. Values that were added since the check began stay.
    pub(crate) fn finish_check(&mut self, Check { server, ids: gone }: Check) -> Vec<Id> {
        let Some(of_server) = self.servers.get_mut(&server) else {
            return Vec::new();
        };
        let mut dropped = of_server.ids();
        of_server.tickets.retain(|ticket| !gone.contains(&ticket.id));
        of_server.session.take_if(|session| gone.contains(&session.id));
        let kept = of_server.ids();
        if kept.is_empty() {
            self.servers.remove(&server);
        } else {
            self.to_check.push_back(server);
        }
        dropped.retain(|id| !kept.contains(id));
        dropped
    }

    fn of_server(&mut self, server: ServerName<'static>) -> &mut OfServer<Ticket, Session> {
        self.servers.entry(Arc::new(server)).or_insert_with_key(|server| {
            self.to_check.push_back(Arc::clone(server));
            OfServer { tickets: VecDeque::new(), session: None }
        })
    }
}

impl<Ticket, Session> OfServer<Ticket, Session> {
    fn ids(&self) -> Vec<Id> {
        let tickets = self.tickets.iter().map(|ticket| ticket.id);
        tickets.chain(self.session.iter().map(|session| session.id)).collect()
    }
}

impl Check {
    /// Keeps the ids that are not live.
    pub(crate) fn compare(mut self, cache: &Cache) -> Self {
        self.ids.retain(|id| !id.is_live(cache));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &'static str) -> ServerName<'static> {
        ServerName::try_from(name).unwrap()
    }

    fn held<V>(id: u64, value: V) -> Held<V> {
        Held { id: Id(id), value }
    }

    fn check(table: &mut Table<&str, &str>, live: &[u64]) -> Vec<Id> {
        let mut check = table.begin_check().unwrap();
        check.ids.retain(|id| !live.contains(&id.0));
        table.finish_check(check)
    }

    #[test]
    fn a_check_drops_what_is_gone_and_keeps_what_is_live() {
        let mut table = Table::new();
        for id in 1..=3 {
            table.push_ticket(name("a.test"), held(id, "ticket"));
        }
        table.set_session(name("a.test"), held(4, "session"));

        assert_eq!(check(&mut table, &[2, 4]), [Id(1), Id(3)]);
        assert_eq!(table.session(&name("a.test")), Some(held(4, "session")));
        assert_eq!(table.pop_ticket(&name("a.test")), Some(held(2, "ticket")));
        assert_eq!(table.pop_ticket(&name("a.test")), None);
        assert_eq!(check(&mut table, &[]), [Id(4)]);
        assert_eq!((table.servers(), table.to_check.len()), (0, 0));
    }

    #[test]
    fn servers_take_turns_and_wait_in_the_queue_once() {
        let mut table = Table::new();
        for server in ["a.test", "b.test"] {
            for id in 1..=9 {
                table.push_ticket(name(server), held(id, "ticket"));
                table.pop_ticket(&name(server));
            }
        }
        assert_eq!((table.servers(), table.to_check.len()), (2, 2));

        table.push_ticket(name("a.test"), held(10, "ticket"));
        table.push_ticket(name("b.test"), held(11, "ticket"));
        assert_eq!(check(&mut table, &[10, 11]), []);
        assert_eq!(check(&mut table, &[10]), [Id(11)]);
        assert_eq!(table.pop_ticket(&name("a.test")), Some(held(10, "ticket")));
    }

    #[test]
    fn what_comes_while_its_server_is_checked_stays() {
        let mut table: Table<&str, &str> = Table::new();
        table.push_ticket(name("a.test"), held(1, "old"));
        let check = table.begin_check().unwrap();
        table.push_ticket(name("a.test"), held(2, "new"));

        assert_eq!(table.finish_check(check), [Id(1)]);
        assert_eq!(table.to_check.len(), 1);
        assert_eq!(table.pop_ticket(&name("a.test")), Some(held(2, "new")));
    }

    #[test]
    fn the_oldest_tickets_go_first() {
        let mut table: Table<&str, &str> = Table::new();
        for id in 1..=3 {
            table.push_ticket(name("a.test"), held(id, "ticket"));
        }
        let gone = table.pop_tickets_beyond(&name("a.test"), 1);
        assert_eq!(gone, [held(1, "ticket"), held(2, "ticket")]);
        assert!(table.pop_tickets_beyond(&name("b.test"), 1).is_empty());
    }
}
