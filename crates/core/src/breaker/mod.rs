//! Decides whether a connection may offer a session, from what became of earlier offers.
//!
//! Some peers break on an offer: they send an alert, reset the connection, or never answer. Others always reject it.
//! Failures are kept per endpoint, rejections per key. Each is one word of a fixed table, in one of a few slots of its name, so
//! no call waits or allocates. What a word becomes is decided by the pure functions in [`endpoint`] and [`key`].
//!
//! If all slots of a name hold news about other names, nothing is recorded about it, and its sessions are offered. If a slot
//! becomes free just as two threads record the first news of a name, the name can have two words. The later one is then not
//! read until the earlier one is reset.

mod endpoint;
mod key;
mod slots;
pub(crate) mod states;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;
#[cfg(not(test))]
use std::hash::RandomState as Hasher;
use std::sync::OnceLock;
use std::time::Duration;

use crate::clock::whole_millis;

pub use endpoint::Permission;
use states::States;

/// Not random, so that tests may count on which names meet.
#[cfg(test)]
type Hasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// What became of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The peer resumed the session that was offered.
    Resumed,
    /// The peer made a full handshake in spite of an offer.
    Rejected,
    /// A connection that may offer had no session to offer.
    NotOffered,
    /// The peer sent a fatal TLS alert after an offer.
    Alerted,
    /// The connection was reset, or hung, after an offer.
    Broken,
    /// A handshake without an offer succeeded.
    FullSucceeded,
    /// A handshake without an offer failed.
    FullFailed,
}

/// A circuit breaker for offers, for any number of threads.
///
/// The time of a call comes from one monotonic clock of the caller, with any origin.
///
/// ```
/// use std::time::Duration;
/// use tls_resumption_core::{OfferBreaker, Outcome, Permission};
///
/// let breaker = OfferBreaker::new();
/// let second = Duration::from_secs(1);
/// let may_offer = |now| breaker.may_offer(b"db.example:5432", b"key", now);
/// assert_eq!(may_offer(Duration::ZERO), Permission::Offer);
/// breaker.report(Outcome::Alerted, b"db.example:5432", b"key", Duration::ZERO);
/// assert_eq!(may_offer(59 * second), Permission::Pause);
/// assert_eq!(may_offer(61 * second), Permission::Offer);
/// ```
pub struct OfferBreaker {
    states: States,
    hasher: Hasher,
    /// The milliseconds from which times count, so that they fit into a word.
    origin: OnceLock<u64>,
}

impl OfferBreaker {
    /// Creates a breaker that permits all offers.
    #[must_use]
    pub fn new() -> Self {
        Self { states: States::new(), hasher: Hasher::default(), origin: OnceLock::new() }
    }

    /// Returns whether a connection that begins now may offer a session of `key` to `endpoint`.
    #[must_use = "a probe is given to one connection, which must report its outcome"]
    pub fn may_offer(&self, endpoint: &[u8], key: &[u8], now: Duration) -> Permission {
        self.states.may_offer(self.hash(endpoint), self.hash(key), self.since_origin(now))
    }

    /// Records what became of a handshake.
    pub fn report(&self, outcome: Outcome, endpoint: &[u8], key: &[u8], now: Duration) {
        let now = self.since_origin(now);
        self.states.report(outcome, self.hash(endpoint), self.hash(key), now);
    }

    /// Forgets the failures of an endpoint.
    pub fn forget_endpoint(&self, endpoint: &[u8]) {
        self.states.forget_endpoint(self.hash(endpoint));
    }

    /// Forgets the rejections of a key.
    pub fn forget_key(&self, key: &[u8]) {
        self.states.forget_key(self.hash(key));
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.states.forget_all();
    }

    /// Returns milliseconds that fit into a word for 34 years after the first call.
    fn since_origin(&self, now: Duration) -> u64 {
        let now = whole_millis(now);
        now.saturating_sub(*self.origin.get_or_init(|| now & !((1 << 40) - 1)))
    }

    fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }
}

impl Default for OfferBreaker {
    fn default() -> Self {
        Self::new()
    }
}
