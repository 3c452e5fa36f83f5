use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// The bytes of a key name, which a ticket carries.
pub const KEY_NAME_LEN: usize = 16;

/// The bytes of the two secrets of a ticket key: 16 that authenticate, then 16 that encrypt.
pub const KEY_SECRET_LEN: usize = 32;

/// The bytes of a ticket key: its name and its secrets, in the order of the `ticketKeys` of Node.js.
pub const TICKET_KEY_LEN: usize = KEY_NAME_LEN + KEY_SECRET_LEN;

pub(crate) type KeyBytes = [u8; TICKET_KEY_LEN];

/// A ticket key: a name and its secrets. Wiped when dropped.
///
/// It is in memory of its own, so that a move leaves no copy behind. It cannot be cloned, and its
/// [`Debug`](fmt::Debug) form has nothing of it.
///
/// ```
/// use tls_resumption_core::{TICKET_KEY_LEN, TicketKey};
///
/// let key = TicketKey::new(&std::array::from_fn::<u8, TICKET_KEY_LEN, _>(|index| index as u8));
/// assert_eq!((key.name()[0], key.secrets()[0]), (0, 16));
/// assert_eq!(format!("{key:?}"), "TicketKey(..)");
/// ```
pub struct TicketKey(Box<Zeroizing<KeyBytes>>);

impl TicketKey {
    /// Copies bytes. The caller wipes these.
    #[must_use]
    pub fn new(bytes: &[u8; TICKET_KEY_LEN]) -> Self {
        let mut key = Self::zero();
        key.bytes_mut().copy_from_slice(bytes);
        key
    }

    pub(crate) fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; TICKET_KEY_LEN])))
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut KeyBytes {
        &mut self.0
    }

    /// Returns the name and the secrets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; TICKET_KEY_LEN] {
        &self.0
    }

    /// Returns the name.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn name(&self) -> &[u8; KEY_NAME_LEN] {
        self.0.first_chunk().expect("a key is longer than its name")
    }

    /// Returns the secrets.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn secrets(&self) -> &[u8; KEY_SECRET_LEN] {
        self.0.last_chunk().expect("a key is longer than its secrets")
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(..)")
    }
}

/// When a key becomes active, or did so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// It became active so long ago.
    Ago(Duration),
    /// It is pending, and becomes active after this time.
    In(Duration),
}

impl Activation {
    /// Returns the age in milliseconds. That of a pending key is negative.
    pub(crate) fn age(self) -> i64 {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        match self {
            Self::Ago(time) => millis(time),
            Self::In(time) => -millis(time),
        }
    }

    pub(crate) fn of_age(millis: i64) -> Self {
        let time = Duration::from_millis(millis.unsigned_abs());
        if millis < 0 { Self::In(time) } else { Self::Ago(time) }
    }
}

/// A key and its age, as one ring gives it to another.
#[derive(Debug)]
#[non_exhaustive]
pub struct AgedKey {
    /// The key.
    pub key: TicketKey,
    /// When it becomes active, or did so.
    pub activation: Activation,
}

impl AgedKey {
    /// Puts a key and its age together.
    #[must_use]
    pub fn new(key: TicketKey, activation: Activation) -> Self {
        Self { key, activation }
    }
}

/// A key that [`KeyRing::find`](super::KeyRing::find) found.
#[derive(Debug)]
#[non_exhaustive]
pub struct FoundKey {
    /// The key.
    pub key: TicketKey,
    /// How many keys of the ring are newer.
    pub newer: u64,
}

/// A key of a ring without its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// How many keys came before it. In a ring that follows another, a number that only grows.
    pub generation: u64,
    /// The time since it became active; zero for a pending key.
    pub age: Duration,
}
