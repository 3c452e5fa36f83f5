//! A ring of ticket keys: the active key encrypts tickets, retired keys still decrypt them.
//!
//! A reader never waits. A slot has a version, as the blobs of a cache have, and a slot that changes while it is read counts
//! as empty. Changes are rare, and take a lock among themselves.

mod options;
mod slot;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize;

use crate::{Clock, SystemClock};

pub use options::{Keep, KeyRejected, RotateEvery};
use slot::Slots;

/// The bytes of a key name, which a ticket carries.
pub const KEY_NAME_LEN: usize = 16;

/// The bytes of the two secrets of a ticket key: 16 that authenticate, then 16 that encrypt.
pub const KEY_SECRET_LEN: usize = 32;

/// The bytes of a ticket key: its name and its secrets, in the order of the `ticketKeys` of Node.js.
pub const TICKET_KEY_LEN: usize = KEY_NAME_LEN + KEY_SECRET_LEN;

/// The time at which a clock starts, in milliseconds. It is so late that older keys have a time before it.
const CLOCK_START: u64 = 1 << 50;

/// A name and its secrets.
pub type TicketKey = [u8; TICKET_KEY_LEN];

/// The keys with which a server encrypts its session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1).
///
/// The active key encrypts. It is replaced when it is [`RotateEvery`] old. Then it is retired, and decrypts tickets until
/// [`Keep`] keys are newer or its time is up. After that it is wiped. So a stolen ring decrypts no ticket that is older than
/// `rotate_every` times `keep`.
///
/// ```
/// use tls_resumption_core::{KEY_NAME_LEN, KeyRing, TICKET_KEY_LEN};
///
/// let ring = KeyRing::new(None, Default::default()).unwrap();
/// let (mut key, mut secret) = ([0; TICKET_KEY_LEN], [0; 32]);
/// ring.active(&mut key);
/// ring.rotate().unwrap();
///
/// let name = key.first_chunk::<KEY_NAME_LEN>().unwrap();
/// assert_eq!(ring.find(name, &mut secret), Some(1)); // one key is newer
/// assert_eq!(secret, key[KEY_NAME_LEN..]);
/// ```
///
/// # Threads
///
/// The ring is `Send` and `Sync`. [`active`](Self::active) and [`find`](Self::find) never wait for another thread. After a
/// rotation has returned, every thread gets that key or a later one.
pub struct KeyRing {
    slots: Slots,
    /// The slot of the active key.
    active: AtomicUsize,
    /// How many keys the ring has had. Each key has its number.
    generations: AtomicU64,
    rotate_every: Option<RotateEvery>,
    keep: Keep,
    /// After how many times [`RotateEvery`] the ring makes a key itself. It is more than one if another process rotates.
    overdue_factor: AtomicU64,
    clock: Arc<dyn Clock>,
    /// Held while keys change.
    changing: Mutex<()>,
}

/// A key without its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// How many keys came before it. In a ring that follows another, a number that only grows.
    pub generation: u64,
    /// Milliseconds since it became active; 0 for a pending key.
    pub age: u64,
}

/// The bytes of a key with its age.
pub const AGED_KEY_LEN: usize = AGE_LEN + TICKET_KEY_LEN;

const AGE_LEN: usize = size_of::<i64>();

/// How many milliseconds ago a key became active (`i64`, little-endian), then the key. The age of a pending key is
/// negative. All functions read and write it in place, so that no copy of a key is left behind.
pub type AgedKey = [u8; AGED_KEY_LEN];

impl KeyRing {
    /// Makes a ring with one random key. `rotate_every`: how long a key stays active; `None` means until
    /// [`rotate`](Self::rotate).
    ///
    /// # Errors
    ///
    /// If the system has no random bytes or no memory.
    pub fn new(rotate_every: Option<RotateEvery>, keep: Keep) -> Result<Self, KeyRejected> {
        Self::with_clock(rotate_every, keep, Arc::new(SystemClock::new()))
    }

    /// Makes a ring like [`new`](Self::new), with a clock of the caller.
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
            // One more for a pending key, and one because a new key comes before the oldest leaves.
            slots: Slots::new(keep.get() + 2).map_err(|_| KeyRejected::NoMemory)?,
            active: AtomicUsize::new(0),
            generations: AtomicU64::new(0),
            rotate_every,
            keep,
            overdue_factor: AtomicU64::new(1),
            clock,
            changing: Mutex::new(()),
        };
        ring.rotate()?;
        Ok(ring)
    }

    /// Copies the active key, after a rotation if that is due. Returns its generation.
    pub fn active(&self, out: &mut TicketKey) -> u64 {
        let now = self.now();
        loop {
            // Acquire: pairs with the release in `insert_locked`. The slot was filled before.
            let place = self.active.load(Ordering::Acquire);
            if let Some(seen) = self.slots.read(place, out) {
                if self.is_due(seen.created_at, now) && self.rotate_if_free(now) {
                    continue;
                }
                return seen.generation;
            }
            // It left, so there is a newer one.
        }
    }

    /// Copies the secrets of the key with that name. Returns how many keys are newer, or `None` if there is no such key.
    pub fn find(&self, name: &[u8; KEY_NAME_LEN], out: &mut [u8; KEY_SECRET_LEN]) -> Option<u64> {
        let now = self.now();
        let mut key = [0; TICKET_KEY_LEN];
        let found = (0..self.slots.len()).find_map(|place| {
            let seen = self.slots.read_named(place, name, &mut key)?;
            (now < self.until(seen.created_at)).then_some(seen)
        });
        if found.is_some() {
            out.copy_from_slice(&key[KEY_NAME_LEN..]);
        }
        key.zeroize();
        found.map(|seen| {
            let others = (0..self.slots.len()).filter_map(|place| self.slots.look(place));
            let is_newer =
                |other: &slot::KeySnapshot| other.order() > seen.order() && other.created_at <= now;
            others.filter(is_newer).count() as u64
        })
    }

    /// Makes a new random key the active one.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes. The keys stay as they are.
    pub fn rotate(&self) -> Result<(), KeyRejected> {
        let _changing = self.lock();
        self.rotate_locked(self.now())
    }

    /// Makes a given key the active one.
    ///
    /// # Errors
    ///
    /// For a key that is not random: with a secret of equal bytes, or with the name or a secret of another key of the
    /// ring. The keys stay as they are.
    pub fn insert(&self, key: &TicketKey) -> Result<(), KeyRejected> {
        let _changing = self.lock();
        self.check(key)?;
        self.insert_locked(key, self.now());
        Ok(())
    }

    /// Replaces all keys by `keys`: the active one, then the others, newest first. Other keys are wiped.
    ///
    /// A key that the ring has already keeps its age. There may be one key more than [`Keep`], because one may be pending.
    /// Further ones are ignored. From then on the ring follows the caller, which rotates. Only if a key has been active for
    /// `overdue_factor` times [`RotateEvery`] does the ring rotate by itself.
    ///
    /// # Errors
    ///
    /// For keys that are not random, that share a name or a secret, or if there are none. The keys stay as they are.
    pub fn replace(&self, keys: &[AgedKey], overdue_factor: u32) -> Result<(), KeyRejected> {
        let keys = &keys[..keys.len().min(self.keep.get() + 1)];
        for (index, key) in keys.iter().map(key_in).enumerate() {
            check_random(key)?;
            if keys[..index].iter().any(|other| shares_part(key, key_in(other))) {
                return Err(KeyRejected::Repeated);
            }
        }
        let Some((newest, older)) = keys.split_first() else {
            return Err(KeyRejected::Missing);
        };
        let _changing = self.lock();
        let now = self.now();
        self.overdue_factor.store(overdue_factor.into(), Ordering::Relaxed);
        if self.has_exactly(keys) {
            return Ok(());
        }
        // The active one first, into a slot that is always free, so that there is one at every moment.
        // Release: pairs with the acquire in `active`.
        let generation = self.generations.load(Ordering::Relaxed) + older.len() as u64;
        self.generations.store(generation + 1, Ordering::Relaxed);
        self.active.store(self.bring_in(newest, generation, now), Ordering::Release);
        for place in 0..self.slots.len() {
            if !keys.iter().any(|key| self.slots.holds(place, key_in(key))) {
                self.slots.wipe(place);
            }
        }
        for (key, distance) in older.iter().zip(1..) {
            self.bring_in(key, generation - distance, now);
        }
        Ok(())
    }

    /// Copies the keys with their ages into `out`, in the order in which [`replace`](Self::replace) takes them. Returns how
    /// many there are. Those for which `out` has no room are not copied. The caller wipes `out` after use.
    pub fn export(&self, out: &mut [AgedKey]) -> usize {
        let _changing = self.lock();
        let now = self.now();
        let slots_in_order = self.slots_in_order(now);
        for (entry, (place, seen)) in out.iter_mut().zip(&slots_in_order) {
            let (age, key) = parts_mut(entry);
            *age = now.wrapping_sub(seen.created_at).to_le_bytes();
            // Under the lock no key leaves its slot.
            self.slots.read(*place, key);
        }
        slots_in_order.len()
    }

    /// Rotates if that is due, and wipes the keys whose time is up.
    pub fn tick(&self) {
        let _changing = self.lock();
        let now = self.now();
        let active = self.active.load(Ordering::Relaxed);
        if self.slots.created_at(active).is_some_and(|created_at| self.is_due(created_at, now)) {
            // Without random bytes the active key stays.
            let _ = self.rotate_locked(now);
        }
        let active = self.active.load(Ordering::Relaxed);
        for place in (0..self.slots.len()).filter(|place| *place != active) {
            if self.slots.created_at(place).is_some_and(|created_at| self.until(created_at) <= now)
            {
                self.slots.wipe(place);
            }
        }
    }

    /// Returns the keys, the active one first, then the newest.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        let _changing = self.lock();
        let now = self.now();
        let of = |(_, seen): &(usize, slot::KeySnapshot)| KeyInfo {
            generation: seen.generation,
            age: now.saturating_sub(seen.created_at),
        };
        self.slots_in_order(now).iter().map(of).collect()
    }

    /// Returns how long a key stays active.
    #[must_use]
    pub fn rotate_every(&self) -> Option<RotateEvery> {
        self.rotate_every
    }

    /// Returns how many keys the ring has at most.
    #[must_use]
    pub fn keep(&self) -> Keep {
        self.keep
    }

    fn now(&self) -> u64 {
        self.clock.now().saturating_add(CLOCK_START)
    }

    fn is_due(&self, created_at: u64, now: u64) -> bool {
        // Relaxed: it was set before the keys that it concerns.
        let times = self.overdue_factor.load(Ordering::Relaxed);
        let after = |every: RotateEvery| every.as_millis().saturating_mul(times);
        self.rotate_every.is_some_and(|every| now.saturating_sub(created_at) >= after(every))
    }

    /// Returns the first millisecond in which a key decrypts nothing any more. A key that encrypts for longer, since
    /// another ring is to replace it, decrypts for as long.
    fn until(&self, created_at: u64) -> u64 {
        // Relaxed: as in `is_due`.
        let times = self.overdue_factor.load(Ordering::Relaxed).max(self.keep.get() as u64);
        self.rotate_every.map_or(u64::MAX, |every| {
            created_at.saturating_add(every.as_millis().saturating_mul(times))
        })
    }

    /// Returns true if the active key is not overdue now. Returns false if another thread is changing the keys, or if there
    /// can be no new one.
    fn rotate_if_free(&self, now: u64) -> bool {
        let Ok(_changing) = self.changing.try_lock() else {
            return false;
        };
        let active = self.active.load(Ordering::Relaxed);
        let is_due =
            self.slots.created_at(active).is_some_and(|created_at| self.is_due(created_at, now));
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
        // Relaxed: the lock orders this with earlier changes.
        let generation = self.generations.load(Ordering::Relaxed);
        let place = self.slots.free().expect("the oldest key leaves when a new one has come");
        self.slots.fill(place, key, generation, now);
        self.generations.store(generation + 1, Ordering::Relaxed);
        // Release: pairs with the acquire in `active`.
        self.active.store(place, Ordering::Release);
        let mut keys: Vec<_> = (0..self.slots.len())
            .filter_map(|place| Some((self.slots.look(place)?.generation, place)))
            .collect();
        keys.sort_unstable();
        for (_, place) in &keys[..keys.len().saturating_sub(self.keep.get())] {
            self.slots.wipe(*place);
        }
    }

    /// Returns the slots of the keys that still decrypt, the active one first, then the newest.
    fn slots_in_order(&self, now: u64) -> Vec<(usize, slot::KeySnapshot)> {
        let mut slots_in_order: Vec<_> = (0..self.slots.len())
            .filter_map(|place| Some((place, self.slots.look(place)?)))
            .filter(|(_, seen)| now < self.until(seen.created_at))
            .collect();
        slots_in_order.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.generation));
        slots_in_order
    }

    /// True if the ring has exactly these keys, in this order.
    fn has_exactly(&self, keys: &[AgedKey]) -> bool {
        let slots_in_order = self.slots_in_order(0);
        slots_in_order.len() == keys.len()
            && slots_in_order
                .iter()
                .zip(keys)
                .all(|((place, _), key)| self.slots.holds(*place, key_in(key)))
    }

    /// Returns the slot of a key. Fills one if the ring does not have the key.
    fn bring_in(&self, aged: &AgedKey, generation: u64, now: u64) -> usize {
        let (age, key) = (age_in(aged), key_in(aged));
        if let Some(place) = (0..self.slots.len()).find(|place| self.slots.holds(*place, key)) {
            self.slots.number(place, generation);
            return place;
        }
        let place = self.slots.free().expect("there are more slots than keys");
        self.slots.fill(place, key, generation, now.saturating_add_signed(age.saturating_neg()));
        place
    }

    fn check(&self, key: &TicketKey) -> Result<(), KeyRejected> {
        check_random(key)?;
        let mut other = [0; TICKET_KEY_LEN];
        let is_repeated = (0..self.slots.len())
            .any(|place| self.slots.read(place, &mut other).is_some() && shares_part(key, &other));
        other.zeroize();
        if is_repeated { Err(KeyRejected::Repeated) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        // No change under the lock panics half-way.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyRing {
    /// Prints no key.
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

fn age_in(aged: &AgedKey) -> i64 {
    i64::from_le_bytes(*aged.first_chunk().expect("the age is a part"))
}

pub(crate) fn key_in(aged: &AgedKey) -> &TicketKey {
    aged.last_chunk().expect("the key is a part")
}

pub(crate) fn parts_mut(aged: &mut AgedKey) -> (&mut [u8; AGE_LEN], &mut TicketKey) {
    let (age, key) = aged.split_first_chunk_mut().expect("the age is a part");
    (age, key.try_into().expect("the rest is the key"))
}

pub(crate) fn check_random(key: &TicketKey) -> Result<(), KeyRejected> {
    let [_, mac, cipher] = parts(key);
    let is_one_byte = |secret: &[u8]| secret.iter().all(|byte| *byte == secret[0]);
    if is_one_byte(mac) || is_one_byte(cipher) || mac == cipher {
        return Err(KeyRejected::NotRandom);
    }
    Ok(())
}

pub(crate) fn shares_part(key: &TicketKey, other: &TicketKey) -> bool {
    parts(key).iter().zip(parts(other)).any(|(part, other)| *part == other)
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        for place in 0..self.slots.len() {
            self.slots.wipe(place);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
