//! A ring of ticket keys: the newest encrypts, the ones before it still decrypt.
//!
//! Whoever reads a key never waits: a slot is read by its version, as the blobs of a cache are, and a slot that
//! changes meanwhile counts as gone. Rotations are rare and take a lock among themselves.

mod options;
mod slot;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize;

use crate::{Clock, SystemClock};

pub use options::{Keep, KeyRejected, RotateEvery};
use slot::Slots;

/// Bytes of the name that a ticket carries of its key.
pub const KEY_NAME_LEN: usize = 16;

/// Bytes of the two secrets of a ticket key: 16 that authenticate, then 16 that encrypt.
pub const KEY_SECRET_LEN: usize = 32;

/// Bytes of a ticket key: its name and its secrets, in the order in which Node.js has them in `ticketKeys`.
pub const TICKET_KEY_LEN: usize = KEY_NAME_LEN + KEY_SECRET_LEN;

/// When a clock begins, in milliseconds: late enough for keys that came before it did.
const BEGINNING: u64 = 1 << 50;

/// A name and the secrets behind it.
pub type TicketKey = [u8; TICKET_KEY_LEN];

/// The keys that a server seals its session tickets with (RFC 5077 section 4, RFC 8446 section 4.6.1).
///
/// The newest key seals. It is replaced when it is [`RotateEvery`] old, and from then on opens tickets until
/// [`Keep`] keys are newer than it or its time is up; then it is wiped. So a stolen ring opens no ticket that was
/// sealed longer ago than `rotate_every` times `keep`.
///
/// ```
/// use tls_resumption_core::{KEY_NAME_LEN, KeyRing, TICKET_KEY_LEN};
///
/// let ring = KeyRing::new(None, Default::default()).unwrap();
/// let (mut key, mut secret) = ([0; TICKET_KEY_LEN], [0; 32]);
/// ring.newest(&mut key);
/// ring.rotate().unwrap();
///
/// let name = key.first_chunk::<KEY_NAME_LEN>().unwrap();
/// assert_eq!(ring.find(name, &mut secret), Some(1)); // the one before the newest
/// assert_eq!(secret, key[KEY_NAME_LEN..]);
/// ```
///
/// # Threads
///
/// `Send` and `Sync`; [`newest`](Self::newest) and [`find`](Self::find) never wait for another thread. Whoever
/// asks for the newest key after a rotation has returned gets that one or a later one.
pub struct KeyRing {
    slots: Slots,
    /// The place of the key that seals.
    newest: AtomicUsize,
    /// How many keys there have been; each has the number that it is.
    generations: AtomicU64,
    rotate_every: Option<RotateEvery>,
    keep: Keep,
    /// For how many times [`RotateEvery`] a key seals before the ring makes one itself: more than one where somebody
    /// else rotates.
    patience: AtomicU64,
    clock: Arc<dyn Clock>,
    /// Held while keys come and go.
    changing: Mutex<()>,
}

/// A key that opens tickets, without its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// How many keys came before it; in a ring that follows, a number that only grows.
    pub generation: u64,
    /// Milliseconds since it came, 0 for one that is yet to seal.
    pub age: u64,
}

/// A key among others: how many milliseconds ago it came, negative for one that is to seal later.
pub type AgedKey = (TicketKey, i64);

impl KeyRing {
    /// A ring with one random key. `rotate_every`: how long a key seals; `None`: until [`rotate`](Self::rotate).
    ///
    /// # Errors
    ///
    /// If the system has no random bytes.
    pub fn new(rotate_every: Option<RotateEvery>, keep: Keep) -> Result<Self, KeyRejected> {
        Self::with_clock(rotate_every, keep, Arc::new(SystemClock::new()))
    }

    /// The same with a clock of the caller's.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_clock(
        rotate_every: Option<RotateEvery>,
        keep: Keep,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyRejected> {
        let ring = Self {
            // One more that is to seal later, and one since the new key comes before the oldest goes.
            slots: Slots::new(keep.get() + 2),
            newest: AtomicUsize::new(0),
            generations: AtomicU64::new(0),
            rotate_every,
            keep,
            patience: AtomicU64::new(1),
            clock,
            changing: Mutex::new(()),
        };
        ring.rotate()?;
        Ok(ring)
    }

    /// Copies the key that seals, after a rotation where one is due. Tells its generation.
    pub fn newest(&self, out: &mut TicketKey) -> u64 {
        let now = self.now();
        loop {
            // Acquire pairs with the release in `insert`: the slot was filled before.
            let place = self.newest.load(Ordering::Acquire);
            if let Some(seen) = self.slots.read(place, out) {
                if self.is_due(seen.born, now) && self.rotate_if_free(now) {
                    continue;
                }
                return seen.generation;
            }
            // It went, and so a newer one came.
        }
    }

    /// Copies the secrets of the key of that name. Tells how many keys are newer, or `None` where there is none.
    pub fn find(&self, name: &[u8; KEY_NAME_LEN], out: &mut [u8; KEY_SECRET_LEN]) -> Option<u64> {
        let now = self.now();
        let mut key = [0; TICKET_KEY_LEN];
        let found = (0..self.slots.len()).find_map(|place| {
            let seen = self.slots.read_named(place, name, &mut key)?;
            (now < self.until(seen.born)).then_some(seen)
        });
        if found.is_some() {
            out.copy_from_slice(&key[KEY_NAME_LEN..]);
        }
        key.zeroize();
        found.map(|seen| {
            let others = (0..self.slots.len()).filter_map(|place| self.slots.look(place));
            let is_newer = |other: &slot::Seen| other.order() > seen.order() && other.born <= now;
            others.filter(is_newer).count() as u64
        })
    }

    /// Makes a new random key the newest.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes; the keys stay as they are.
    pub fn rotate(&self) -> Result<(), KeyRejected> {
        let _changing = self.lock();
        self.rotate_locked(self.now())
    }

    /// Makes a given key the newest.
    ///
    /// # Errors
    ///
    /// For a key that is not random: one with a secret of equal bytes, or with the name or a secret of a key that
    /// the ring has. The keys stay as they are.
    pub fn insert(&self, key: &TicketKey) -> Result<(), KeyRejected> {
        let _changing = self.lock();
        self.check(key)?;
        self.insert_locked(key, self.now());
        Ok(())
    }

    /// Makes `keys` the keys there are: the one that seals, then the others, newest first. What else there was is
    /// wiped. A key that the ring has keeps the age that it has. There may be one more than [`Keep`], since one may
    /// be there for others to seal with already; what is beyond that is cut off.
    ///
    /// From then on the ring follows: whoever gives it keys rotates them, and only when the newest has sealed for
    /// `patience` times [`RotateEvery`] does it rotate by itself.
    ///
    /// # Errors
    ///
    /// For keys that are not random, or share a name or a secret, or for none at all. The keys stay as they are.
    pub fn replace(&self, keys: &[AgedKey], patience: u32) -> Result<(), KeyRejected> {
        let keys = &keys[..keys.len().min(self.keep.get() + 1)];
        for (index, (key, _)) in keys.iter().enumerate() {
            check_random(key)?;
            if keys[..index].iter().any(|(other, _)| shares_a_part(key, other)) {
                return Err(KeyRejected::Repeated);
            }
        }
        let Some((newest, older)) = keys.split_first() else {
            return Err(KeyRejected::Missing);
        };
        let _changing = self.lock();
        let now = self.now();
        self.patience.store(patience.into(), Ordering::Relaxed);
        if self.has_exactly(keys) {
            return Ok(());
        }
        // The newest first, into a place that is always free, so that there is one at every moment.
        // Release pairs with the acquire in `newest`.
        let generation = self.generations.load(Ordering::Relaxed) + older.len() as u64;
        self.generations.store(generation + 1, Ordering::Relaxed);
        self.newest.store(self.bring(newest, generation, now), Ordering::Release);
        for place in 0..self.slots.len() {
            if !keys.iter().any(|(key, _)| self.slots.holds(place, key)) {
                self.slots.wipe(place);
            }
        }
        for (key, distance) in older.iter().zip(1..) {
            self.bring(key, generation - distance, now);
        }
        Ok(())
    }

    /// The keys themselves with their ages, in the order in which [`replace`](Self::replace) takes them, for
    /// another process's. Wipe them after use.
    #[must_use]
    pub fn export(&self) -> Vec<AgedKey> {
        let _changing = self.lock();
        let now = self.now();
        let keys = self.places(now).into_iter().filter_map(|(place, seen)| {
            let mut key = [0; TICKET_KEY_LEN];
            self.slots.read(place, &mut key)?;
            Some((key, now.wrapping_sub(seen.born).cast_signed()))
        });
        keys.collect()
    }

    /// Rotates where that is due, and wipes the keys whose time is up.
    pub fn tick(&self) {
        let _changing = self.lock();
        let now = self.now();
        let newest = self.newest.load(Ordering::Relaxed);
        if self.slots.born(newest).is_some_and(|born| self.is_due(born, now)) {
            // Without random bytes the key that there is goes on.
            let _ = self.rotate_locked(now);
        }
        let newest = self.newest.load(Ordering::Relaxed);
        for place in (0..self.slots.len()).filter(|place| *place != newest) {
            if self.slots.born(place).is_some_and(|born| self.until(born) <= now) {
                self.slots.wipe(place);
            }
        }
    }

    /// The keys there are, newest first.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        let _changing = self.lock();
        let now = self.now();
        let of = |(_, seen): &(usize, slot::Seen)| KeyInfo {
            generation: seen.generation,
            age: now.saturating_sub(seen.born),
        };
        self.places(now).iter().map(of).collect()
    }

    /// How long a key seals.
    #[must_use]
    pub fn rotate_every(&self) -> Option<RotateEvery> {
        self.rotate_every
    }

    /// How many keys there are at most.
    #[must_use]
    pub fn keep(&self) -> Keep {
        self.keep
    }

    fn now(&self) -> u64 {
        self.clock.now().saturating_add(BEGINNING)
    }

    fn is_due(&self, born: u64, now: u64) -> bool {
        // Relaxed: it was set before the keys came that it is about.
        let times = self.patience.load(Ordering::Relaxed);
        let after = |every: RotateEvery| every.as_millis().saturating_mul(times);
        self.rotate_every.is_some_and(|every| now.saturating_sub(born) >= after(every))
    }

    /// The first millisecond in which a key opens nothing any more.
    fn until(&self, born: u64) -> u64 {
        self.rotate_every.map_or(u64::MAX, |every| {
            born.saturating_add(every.as_millis().saturating_mul(self.keep.get() as u64))
        })
    }

    /// Whether there is a newer key now. `false` if somebody else is about to make one, or there can be none.
    fn rotate_if_free(&self, now: u64) -> bool {
        let Ok(_changing) = self.changing.try_lock() else {
            return false;
        };
        let newest = self.newest.load(Ordering::Relaxed);
        let is_due = self.slots.born(newest).is_some_and(|born| self.is_due(born, now));
        !is_due || self.rotate_locked(now).is_ok()
    }

    fn rotate_locked(&self, now: u64) -> Result<(), KeyRejected> {
        let mut key = [0; TICKET_KEY_LEN];
        let made = getrandom::fill(&mut key).map_err(|_| KeyRejected::NoRandomness);
        if made.is_ok() {
            self.insert_locked(&key, now);
        }
        key.zeroize();
        made
    }

    fn insert_locked(&self, key: &TicketKey, now: u64) {
        // Alone here: the lock orders this with earlier changes.
        let generation = self.generations.load(Ordering::Relaxed);
        let place = self.slots.free().expect("the oldest goes when a new key has come");
        self.slots.fill(place, key, generation, now);
        self.generations.store(generation + 1, Ordering::Relaxed);
        // Release pairs with the acquire in `newest`.
        self.newest.store(place, Ordering::Release);
        let mut keys: Vec<_> = (0..self.slots.len())
            .filter_map(|place| Some((self.slots.look(place)?.generation, place)))
            .collect();
        keys.sort_unstable();
        for (_, place) in &keys[..keys.len().saturating_sub(self.keep.get())] {
            self.slots.wipe(*place);
        }
    }

    /// Where the keys are that still open, the one that seals first, then the newest.
    fn places(&self, now: u64) -> Vec<(usize, slot::Seen)> {
        let mut places: Vec<_> = (0..self.slots.len())
            .filter_map(|place| Some((place, self.slots.look(place)?)))
            .filter(|(_, seen)| now < self.until(seen.born))
            .collect();
        places.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.generation));
        places
    }

    /// Whether these are the keys there are, in their order.
    fn has_exactly(&self, keys: &[AgedKey]) -> bool {
        let places = self.places(0);
        places.len() == keys.len()
            && places.iter().zip(keys).all(|((place, _), (key, _))| self.slots.holds(*place, key))
    }

    /// The place of the key, which it is put into if the ring does not have it.
    fn bring(&self, (key, age): &AgedKey, generation: u64, now: u64) -> usize {
        if let Some(place) = (0..self.slots.len()).find(|place| self.slots.holds(*place, key)) {
            self.slots.number(place, generation);
            return place;
        }
        let place = self.slots.free().expect("there is a place more than keys");
        self.slots.fill(place, key, generation, now.saturating_add_signed(age.saturating_neg()));
        place
    }

    fn check(&self, key: &TicketKey) -> Result<(), KeyRejected> {
        check_random(key)?;
        let mut other = [0; TICKET_KEY_LEN];
        let is_repeated = (0..self.slots.len()).any(|place| {
            self.slots.read(place, &mut other).is_some() && shares_a_part(key, &other)
        });
        other.zeroize();
        if is_repeated { Err(KeyRejected::Repeated) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        // Nothing that is done under the lock panics half-way.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyRing {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("rotate_every", &self.rotate_every)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

fn parts(key: &TicketKey) -> [&[u8]; 3] {
    let (name, secrets) = key.split_at(KEY_NAME_LEN);
    let (mac, cipher) = secrets.split_at(KEY_SECRET_LEN / 2);
    [name, mac, cipher]
}

fn check_random(key: &TicketKey) -> Result<(), KeyRejected> {
    let [_, mac, cipher] = parts(key);
    let is_one_byte = |secret: &[u8]| secret.iter().all(|byte| *byte == secret[0]);
    if is_one_byte(mac) || is_one_byte(cipher) || mac == cipher {
        return Err(KeyRejected::NotRandom);
    }
    Ok(())
}

fn shares_a_part(key: &TicketKey, other: &TicketKey) -> bool {
    parts(key).iter().zip(parts(other)).any(|(part, other)| *part == other)
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        for place in 0..self.slots.len() {
            self.slots.wipe(place);
        }
    }
}

#[cfg(test)]
mod tests;
