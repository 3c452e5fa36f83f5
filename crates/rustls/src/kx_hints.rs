use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rustls::NamedGroup;
use rustls::pki_types::ServerName;

/// The key exchange groups that servers chose, for a bounded number of servers.
///
/// They are apart from the cache, because a hint saves at most a round trip and must not evict a session. For the same
/// reason the oldest hint is removed first.
pub(crate) struct Hints {
    max: usize,
    groups: HashMap<Arc<ServerName<'static>>, NamedGroup>,
    oldest_first: VecDeque<Arc<ServerName<'static>>>,
}

impl Hints {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, groups: HashMap::new(), oldest_first: VecDeque::new() }
    }

    pub(crate) fn set(&mut self, server: ServerName<'static>, group: NamedGroup) {
        if let Some(known) = self.groups.get_mut(&server) {
            *known = group;
            return;
        }
        if self.groups.len() >= self.max
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.groups.remove(&oldest);
        }
        let server = Arc::new(server);
        self.oldest_first.push_back(Arc::clone(&server));
        self.groups.insert(server, group);
    }

    pub(crate) fn get(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.groups.get(server).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_that_is_set_again_takes_no_second_place() {
        let name = |name: &'static str| ServerName::try_from(name).unwrap();
        let mut hints = Hints::new(2);
        hints.set(name("a.test"), NamedGroup::X25519);
        hints.set(name("b.test"), NamedGroup::X25519);
        for _ in 0..10 {
            hints.set(name("b.test"), NamedGroup::secp256r1);
        }
        assert_eq!(hints.get(&name("a.test")), Some(NamedGroup::X25519));
        assert_eq!(hints.get(&name("b.test")), Some(NamedGroup::secp256r1));

        hints.set(name("c.test"), NamedGroup::X25519);
        assert_eq!(hints.get(&name("a.test")), None);
        assert_eq!((hints.groups.len(), hints.oldest_first.len()), (2, 2));
    }
}
