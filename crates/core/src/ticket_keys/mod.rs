//! A ring of ticket keys: the active key encrypts tickets, retired keys still decrypt them.
//!
//! A reader never waits. A slot has a version, as the blobs of a cache have, and a slot that changes while it is read counts
//! as empty. Changes are rare, and take a lock among themselves.

mod key;
mod slot;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::whole_millis;
use crate::{Clock, Keep, KeyRejected, RotateEvery, SystemClock};

pub(crate) use key::KeyBytes;
pub use key::{
    Activation, AgedKey, FoundKey, KEY_NAME_LEN, KEY_SECRET_LEN, KeyInfo, TICKET_KEY_LEN, TicketKey,
};
use slot::Slots;

/// The time at which a clock starts, in milliseconds. It is so late that older keys have a time before it.
const CLOCK_START: u64 = 1 << 50;

/// The keys with which a server encrypts its session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1).
///
/// The active key encrypts. It is replaced when it is [`RotateEvery`] old. Then it is retired, and decrypts tickets until
/// [`Keep`] keys are newer or its time is up. After that it is wiped. So a stolen ring decrypts no ticket that is older than
/// `rotate_every` times `keep`.
///
/// ```
/// use tls_resumption_core::{Keep, KeyRing, RotateEvery};
///
/// let ring = KeyRing::new(RotateEvery::DEFAULT, Keep::DEFAULT)?;
/// let key = ring.active();
/// ring.rotate()?;
///
/// let found = ring.find(key.name()).ok_or("it left")?;
/// assert_eq!((found.key.secrets(), found.newer), (key.secrets(), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
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

impl KeyRing {
    /// Makes a ring with one random key. `rotate_every`: how long a key stays active; `None` means until
    /// [`rotate`](Self::rotate).
    ///
    /// # Errors
    ///
    /// If the system has no random bytes or no memory.
    pub fn new(
        rotate_every: impl Into<Option<RotateEvery>>,
        keep: Keep,
    ) -> Result<Self, KeyRejected> {
        Self::with_clock(rotate_every, keep, Arc::new(SystemClock::new()))
    }

    /// Makes a ring like [`new`](Self::new), with a clock of the caller.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_clock(
        rotate_every: impl Into<Option<RotateEvery>>,
        keep: Keep,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyRejected> {
        let ring = Self {
            // One more for a pending key, and one because a new key comes before the oldest leaves.
            slots: Slots::new(usize::from(keep.get()) + 2).map_err(|_| KeyRejected::NoMemory)?,
            active: AtomicUsize::new(0),
            generations: AtomicU64::new(0),
            rotate_every: rotate_every.into(),
            keep,
            overdue_factor: AtomicU64::new(1),
            clock,
            changing: Mutex::new(()),
        };
        ring.rotate()?;
        Ok(ring)
    }

    /// Returns the active key, after a rotation if that is due.
    #[must_use]
    pub fn active(&self) -> TicketKey {
        let now = self.now();
        let mut key = TicketKey::zero();
        loop {
            // Acquire: pairs with the release in `insert_locked`. The slot was filled before.
            let place = self.active.load(Ordering::Acquire);
            if let Some(seen) = self.slots.read(place, key.bytes_mut()) {
                if self.is_due(seen.active_since, now) && self.rotate_if_free(now) {
                    continue;
                }
                return key;
            }
            // It left, so there is a newer one.
        }
    }

    /// Returns the key with that name, or `None` if the ring does not have it, or not any more.
    #[must_use]
    pub fn find(&self, name: &[u8; KEY_NAME_LEN]) -> Option<FoundKey> {
        let now = self.now();
        let mut key = TicketKey::zero();
        let found = (0..self.slots.len()).find_map(|place| {
            let seen = self.slots.read_named(place, name, key.bytes_mut())?;
            (now < self.until(seen.active_since)).then_some(seen)
        })?;
        let others = (0..self.slots.len()).filter_map(|place| self.slots.look(place));
        let is_newer =
            |other: &slot::KeySnapshot| other.order() > found.order() && other.active_since <= now;
        Some(FoundKey { key, newer: others.filter(is_newer).count() as u64 })
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
        self.check(key.as_bytes())?;
        self.insert_locked(key.as_bytes(), self.now());
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
        let keys = &keys[..keys.len().min(usize::from(self.keep.get()) + 1)];
        for (index, AgedKey { key, .. }) in keys.iter().enumerate() {
            check_random(key.as_bytes())?;
            let is_alike = |other: &AgedKey| shares_part(key.as_bytes(), other.key.as_bytes());
            if keys[..index].iter().any(is_alike) {
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
            if !keys.iter().any(|aged| self.slots.holds(place, aged.key.as_bytes())) {
                self.slots.wipe(place);
            }
        }
        for (key, distance) in older.iter().zip(1..) {
            self.bring_in(key, generation - distance, now);
        }
        Ok(())
    }

    /// Returns the keys with their ages, in the order in which [`replace`](Self::replace) takes them.
    #[must_use]
    pub fn export(&self) -> Vec<AgedKey> {
        let _changing = self.lock();
        let now = self.now();
        let keys = self.slots_in_order(now).into_iter().filter_map(|(place, seen)| {
            let mut key = TicketKey::zero();
            self.slots.read(place, key.bytes_mut())?;
            let age = now.wrapping_sub(seen.active_since).cast_signed();
            Some(AgedKey::new(key, Activation::of_age(age)))
        });
        keys.collect()
    }

    /// Rotates if that is due, and wipes the keys whose time is up.
    pub fn tick(&self) {
        let _changing = self.lock();
        let now = self.now();
        let active = self.active.load(Ordering::Relaxed);
        if self
            .slots
            .active_since(active)
            .is_some_and(|active_since| self.is_due(active_since, now))
        {
            // Without random bytes the active key stays.
            let _ = self.rotate_locked(now);
        }
        let active = self.active.load(Ordering::Relaxed);
        for place in (0..self.slots.len()).filter(|place| *place != active) {
            if self
                .slots
                .active_since(place)
                .is_some_and(|active_since| self.until(active_since) <= now)
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
            age: Duration::from_millis(now.saturating_sub(seen.active_since)),
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
        whole_millis(self.clock.now()).saturating_add(CLOCK_START)
    }

    fn is_due(&self, active_since: u64, now: u64) -> bool {
        // Relaxed: it was set before the keys that it concerns.
        let times = self.overdue_factor.load(Ordering::Relaxed);
        let after = |every: RotateEvery| every.as_millis().saturating_mul(times);
        self.rotate_every.is_some_and(|every| now.saturating_sub(active_since) >= after(every))
    }

    /// Returns the first millisecond in which a key decrypts nothing any more. A key that encrypts for longer, since
    /// another ring is to replace it, decrypts for as long.
    fn until(&self, active_since: u64) -> u64 {
        // Relaxed: as in `is_due`.
        let times = self.overdue_factor.load(Ordering::Relaxed).max(self.keep.get().into());
        self.rotate_every.map_or(u64::MAX, |every| {
            active_since.saturating_add(every.as_millis().saturating_mul(times))
        })
    }

    /// Returns true if the active key is not overdue now. Returns false if another thread is changing the keys, or if there
    /// can be no new one.
    fn rotate_if_free(&self, now: u64) -> bool {
        let Ok(_changing) = self.changing.try_lock() else {
            return false;
        };
        let active = self.active.load(Ordering::Relaxed);
        let is_due = self
            .slots
            .active_since(active)
            .is_some_and(|active_since| self.is_due(active_since, now));
        !is_due || self.rotate_locked(now).is_ok()
    }

    fn rotate_locked(&self, now: u64) -> Result<(), KeyRejected> {
        let mut key = Zeroizing::new([0; TICKET_KEY_LEN]);
        getrandom::fill(&mut *key).map_err(|_| KeyRejected::NoRandomness)?;
        self.insert_locked(&key, now);
        Ok(())
    }

    fn insert_locked(&self, key: &KeyBytes, now: u64) {
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
        for (_, place) in &keys[..keys.len().saturating_sub(self.keep.get().into())] {
            self.slots.wipe(*place);
        }
    }

    /// Returns the slots of the keys that still decrypt, the active one first, then the newest.
    fn slots_in_order(&self, now: u64) -> Vec<(usize, slot::KeySnapshot)> {
        let mut slots_in_order: Vec<_> = (0..self.slots.len())
            .filter_map(|place| Some((place, self.slots.look(place)?)))
            .filter(|(_, seen)| now < self.until(seen.active_since))
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
                .all(|((place, _), aged)| self.slots.holds(*place, aged.key.as_bytes()))
    }

    /// Returns the slot of a key. Fills one if the ring does not have the key.
    fn bring_in(&self, aged: &AgedKey, generation: u64, now: u64) -> usize {
        let (key, age) = (aged.key.as_bytes(), aged.activation.age());
        if let Some(place) = (0..self.slots.len()).find(|place| self.slots.holds(*place, key)) {
            self.slots.number(place, generation);
            return place;
        }
        let place = self.slots.free().expect("there are more slots than keys");
        self.slots.fill(place, key, generation, now.saturating_add_signed(age.saturating_neg()));
        place
    }

    fn check(&self, key: &KeyBytes) -> Result<(), KeyRejected> {
        check_random(key)?;
        let mut other = Zeroizing::new([0; TICKET_KEY_LEN]);
        let is_repeated = (0..self.slots.len())
            .any(|place| self.slots.read(place, &mut other).is_some() && shares_part(key, &other));
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

fn parts(key: &KeyBytes) -> [&[u8]; 3] {
    let (name, secrets) = key.split_at(KEY_NAME_LEN);
    let (mac, cipher) = secrets.split_at(KEY_SECRET_LEN / 2);
    [name, mac, cipher]
}

pub(crate) fn check_random(key: &KeyBytes) -> Result<(), KeyRejected> {
    let [_, mac, cipher] = parts(key);
    let is_one_byte = |secret: &[u8]| secret.iter().all(|byte| *byte == secret[0]);
    if is_one_byte(mac) || is_one_byte(cipher) || mac == cipher {
        return Err(KeyRejected::NotRandom);
    }
    Ok(())
}

pub(crate) fn shares_part(key: &KeyBytes, other: &KeyBytes) -> bool {
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
