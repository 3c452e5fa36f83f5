//! One ring of ticket keys in the control file. Any process rotates it, and its keys outlive all of them.
//!
//! | step of a rotation | left by a process that dies after it |
//! | --- | --- |
//! | the slot of the oldest key becomes *busy, mine* | a busy slot, which the next change of the ring empties |
//! | the new key is written, and the slot becomes *live* | a key with which no ticket was encrypted; it leaves as the oldest |
//! | the word of the active key is advanced | a key too many, which [`tick`](TicketRing::tick) wipes |
//!
//! A reader never waits: it copies a slot and then checks that the state of the slot has not changed. Every loop is bounded
//! by the number of slots. Times are milliseconds of the wall clock: only that clock is shared by all containers of a host.

use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;
use zeroize::Zeroize;

use crate::segment::owner::{OWNER_BITS, Owner, Owners};
use crate::segment::sync::{AtomicU64, Ordering, fence};
use crate::ticket_keys::KeyBytes;
use crate::{
    Activation, AgedKey, KEY_NAME_LEN, Keep, KeyInfo, KeyRejected, RingInfo, RotateEvery,
    TICKET_KEY_LEN, TicketKey,
};

/// One more than the most keys, because a new key comes before the oldest leaves, and one for a process that died.
const SLOTS: usize = if cfg!(any(loom, test)) { 5 } else { Keep::MAX.get() as usize + 2 };
const SLOT_WORDS: usize = 16;
const CONFIG: usize = 0;
const ACTIVE: usize = 1;
const HEADER_WORDS: usize = 16;

/// The number of words that the ring takes.
pub(crate) const WORDS: usize = HEADER_WORDS + SLOTS * SLOT_WORDS;

/// The words of a slot.
const STATE: usize = 0;
const CREATED_AT: usize = 1;
const GENERATION: usize = 2;
const CHECK: usize = 3;
const KEY: usize = 4;
const KEY_WORDS: usize = TICKET_KEY_LEN / size_of::<u64>();

/// The phases of a slot, in the lowest bits of its state. Above them are the owner of a busy slot, and a version.
const EMPTY: u64 = 0;
const LIVE: u64 = 1;
const BUSY: u64 = 2;
const PHASE_MASK: u64 = 3;
const OWNER_SHIFT: u32 = 2;
const VERSION_SHIFT: u32 = OWNER_SHIFT + OWNER_BITS;

/// The word of the active key: its slot in the lowest bits, above them its generation, which begins with 1. 0: none.
const PLACE_BITS: u32 = 8;

/// A clock that was put back by less than this is not taken for one that is wrong.
const CLOCK_TOLERANCE: u64 = 60_000;

/// What all processes do with the ring. The first that opens it decides, except that the longest `keep` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingConfig {
    pub(crate) rotate_every: Option<RotateEvery>,
    pub(crate) keep: Keep,
}

impl RingConfig {
    const IS_SET: u64 = 1;

    fn pack(self) -> u64 {
        let every = self.rotate_every.map_or(0, RotateEvery::as_millis);
        every << 8 | u64::from(self.keep.get()) << 1 | Self::IS_SET
    }

    /// Whatever the word holds, the result is in its ranges.
    fn unpack(word: u64) -> Self {
        Self {
            rotate_every: RotateEvery::new(Duration::from_millis(word >> 8)),
            keep: Keep::new(word >> 1 & 0x7f).unwrap_or_default(),
        }
    }
}

/// A key without its secrets.
#[derive(Clone, Copy)]
struct Seen {
    state: u64,
    created_at: u64,
    generation: u64,
}

/// See the [module](self).
pub(crate) struct TicketRing<'a, O> {
    words: &'a [AtomicU64],
    owners: &'a O,
    /// The key of the checksums: that of the file.
    hash_key: &'a [u8; 16],
}

impl<'a, O: Owners> TicketRing<'a, O> {
    /// Takes the region, which has at least [`WORDS`] words. They were zeros when the file was made.
    pub(crate) fn new(words: &'a [AtomicU64], owners: &'a O, hash_key: &'a [u8; 16]) -> Self {
        Self { words: &words[..WORDS], owners, hash_key }
    }

    /// Opens the ring: gives it this configuration if it has none, and a key if it has none. Returns the configuration that
    /// holds. Its `rotate_every` is that of the first opener, its `keep` the longest of all.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes.
    pub(crate) fn open(&self, asked: RingConfig, now: u64) -> Result<RingConfig, KeyRejected> {
        let config = &self.words[CONFIG];
        loop {
            let word = config.load(Ordering::Relaxed);
            let has = RingConfig::unpack(word);
            let is_set = word & RingConfig::IS_SET != 0;
            let keep = if asked.keep.get() > has.keep.get() { asked.keep } else { has.keep };
            let then = if is_set { RingConfig { keep, ..has } } else { asked };
            // Relaxed: the word publishes nothing but itself. `keep` only grows, so the loop ends.
            if is_set && then == has || replace(config, word, then.pack(), Ordering::Relaxed) {
                break;
            }
        }
        self.tick(now)?;
        Ok(self.config())
    }

    pub(crate) fn config(&self) -> RingConfig {
        RingConfig::unpack(self.words[CONFIG].load(Ordering::Relaxed))
    }

    /// Returns the configuration and the keys. `None` if no process has opened the ring.
    pub(crate) fn info(&self, now: u64) -> Option<RingInfo> {
        let is_open = self.words[CONFIG].load(Ordering::Relaxed) & RingConfig::IS_SET != 0;
        let RingConfig { rotate_every, keep } = self.config();
        is_open.then(|| RingInfo { rotate_every, keep, keys: self.keys(now) })
    }

    /// Copies the active key, after a rotation if that is due. Returns its generation. `None` without a key: then nothing
    /// may be encrypted.
    pub(crate) fn active(&self, out: &mut KeyBytes, now: u64) -> Option<u64> {
        for _ in 0..SLOTS {
            let word = self.words[ACTIVE].load(Ordering::Acquire);
            let seen = self.read(place_of(word), out).filter(|seen| is_active(word, seen));
            match seen {
                Some(seen) if !self.is_due(seen.created_at, now) => return Some(seen.generation),
                // Without random bytes the old key stays. So it does if each slot is in use.
                Some(seen) if !self.replace_active(word, None, now).unwrap_or(false) => {
                    return Some(seen.generation);
                }
                Some(_) => {}
                None => {
                    // It left, so there is a newer one. Or its slot was damaged.
                    if self.words[ACTIVE].load(Ordering::Acquire) == word {
                        let _ = self.replace_active(word, None, now);
                    }
                }
            }
        }
        out.zeroize();
        None
    }

    /// Copies the key with that name. Returns how many keys are newer, or `None` if there is no such key.
    pub(crate) fn find(
        &self,
        name: &[u8; KEY_NAME_LEN],
        out: &mut KeyBytes,
        now: u64,
    ) -> Option<u64> {
        let found = (0..SLOTS).find_map(|place| {
            self.read(place, out).filter(|seen| out.starts_with(name) && self.decrypts(seen, now))
        });
        if found.is_none() {
            out.zeroize();
        }
        let active = generation_of(self.words[ACTIVE].load(Ordering::Relaxed));
        found.map(|seen| active.saturating_sub(seen.generation))
    }

    /// Makes a new random key, or the given one, the active one.
    ///
    /// # Errors
    ///
    /// For a given key that is not random or that repeats a part of another one, and if the system has no random bytes.
    /// [`KeyRejected::NoMemory`] if processes that are suspended in the middle of a rotation hold all slots.
    pub(crate) fn rotate(&self, key: Option<&KeyBytes>, now: u64) -> Result<(), KeyRejected> {
        if let Some(key) = key {
            crate::ticket_keys::check_random(key)?;
            let mut other = [0; TICKET_KEY_LEN];
            let is_repeated = (0..SLOTS).any(|place| {
                self.read(place, &mut other).is_some()
                    && crate::ticket_keys::shares_part(key, &other)
            });
            other.zeroize();
            if is_repeated {
                return Err(KeyRejected::Repeated);
            }
        }
        for _ in 0..SLOTS {
            let word = self.words[ACTIVE].load(Ordering::Acquire);
            if self.replace_active(word, key, now)? {
                self.wipe_expired(now);
                return Ok(());
            }
            // Another rotation came first. That of this caller is to come after it.
            if self.words[ACTIVE].load(Ordering::Acquire) == word {
                break;
            }
        }
        Err(KeyRejected::NoMemory)
    }

    /// Makes a new random key the active one, and wipes all that came before it.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub(crate) fn revoke(&self, now: u64) -> Result<(), KeyRejected> {
        let last = generation_of(self.words[ACTIVE].load(Ordering::Acquire));
        self.rotate(None, now)?;
        for place in 0..SLOTS {
            while let Some(seen) = self.look(place).filter(|seen| seen.generation <= last) {
                // If another process was faster, it wiped the key or replaced it by a newer one.
                if let Some(busy) = self.claim(place, seen.state) {
                    self.empty(place, busy);
                }
            }
        }
        Ok(())
    }

    /// Rotates if that is due, empties the slots of dead processes, and wipes the keys whose time is up.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes. The keys stay as they are.
    pub(crate) fn tick(&self, now: u64) -> Result<(), KeyRejected> {
        for place in 0..SLOTS {
            let state = self.state(place).load(Ordering::Acquire);
            if state & PHASE_MASK >= BUSY
                && let Some(busy) = self.claim(place, state)
            {
                self.empty(place, busy);
            }
        }
        let word = self.words[ACTIVE].load(Ordering::Acquire);
        let seen = self.look(place_of(word)).filter(|seen| is_active(word, seen));
        if seen.is_none_or(|seen| self.is_due(seen.created_at, now)) {
            self.replace_active(word, None, now)?;
        }
        self.wipe_expired(now);
        Ok(())
    }

    /// Returns the keys with their ages, the active one first, then the newest.
    pub(crate) fn export(&self, now: u64) -> Vec<AgedKey> {
        let keys = self.in_order(now).into_iter().filter_map(|(place, _)| {
            let mut key = TicketKey::zero();
            let seen = self.read(place, key.bytes_mut())?;
            let age = now.wrapping_sub(seen.created_at).cast_signed();
            Some(AgedKey::new(key, Activation::of_age(age)))
        });
        keys.collect()
    }

    /// Returns the keys, the active one first, then the newest.
    pub(crate) fn keys(&self, now: u64) -> Vec<KeyInfo> {
        let info = |(_, seen): &(usize, Seen)| KeyInfo {
            // Generations begin with 1 here, and with 0 for callers.
            generation: seen.generation - 1,
            age: Duration::from_millis(now.saturating_sub(seen.created_at)),
        };
        self.in_order(now).iter().map(info).collect()
    }

    /// Replaces the key that is active by the word `old`. Returns false if another process did so first, or if there is no
    /// slot.
    fn replace_active(
        &self,
        old: u64,
        given: Option<&KeyBytes>,
        now: u64,
    ) -> Result<bool, KeyRejected> {
        let mut key = [0; TICKET_KEY_LEN];
        match given {
            Some(given) => key = *given,
            None => getrandom::fill(&mut key).map_err(|_| KeyRejected::NoRandomness)?,
        }
        let replaced = self.claim_oldest(old).is_some_and(|(place, busy)| {
            let generation = generation_of(old) + 1;
            let live = self.fill(place, busy, &key, generation, now);
            let word = generation << PLACE_BITS | place as u64;
            // Release: pairs with the loads of `ACTIVE`. The slot was filled before.
            let is_first = replace(&self.words[ACTIVE], old, word, Ordering::Release);
            if !is_first && let Some(busy) = self.claim(place, live) {
                self.empty(place, busy);
            }
            is_first
        });
        key.zeroize();
        Ok(replaced)
    }

    /// Makes a slot busy that is free, that a dead process left busy, or that has the oldest key. Returns its state.
    fn claim_oldest(&self, active: u64) -> Option<(usize, u64)> {
        for _ in 0..SLOTS {
            let mut order: Vec<_> = (0..SLOTS)
                .map(|place| (place, self.state(place).load(Ordering::Acquire)))
                .map(|(place, state)| {
                    let generation = self.slot(place)[GENERATION].load(Ordering::Relaxed);
                    (if state & PHASE_MASK == LIVE { generation } else { 0 }, place, state)
                })
                .filter(|(generation, place, _)| {
                    *generation == 0 || active == 0 || *place != place_of(active)
                })
                .collect();
            order.sort_unstable();
            let claimed = order
                .into_iter()
                .find_map(|(_, place, state)| Some((place, self.claim(place, state)?)));
            if claimed.is_some() {
                return claimed;
            }
        }
        None
    }

    /// Makes a slot *busy, mine*. Returns its new state, or `None` if another process has it or changed it.
    fn claim(&self, place: usize, state: u64) -> Option<u64> {
        let mine = self.owners.mine().to_bits();
        let version = (state >> VERSION_SHIFT).wrapping_add(1);
        let busy = version << VERSION_SHIFT | mine << OWNER_SHIFT | BUSY;
        // Acquire: pairs with the release of the thread that published the slot.
        let take = || replace(self.state(place), state, busy, Ordering::Acquire);
        let is_taken = match state & PHASE_MASK {
            EMPTY | LIVE => take(),
            // A phase that is not known counts as busy.
            _ => {
                let owner = Owner::from_bits(state >> OWNER_SHIFT);
                self.owners.bury(owner, take).unwrap_or(false)
            }
        };
        is_taken.then_some(busy)
    }

    /// Writes a key into a slot of this process and publishes it. Returns the state.
    fn fill(&self, place: usize, busy: u64, key: &KeyBytes, generation: u64, now: u64) -> u64 {
        let slot = self.slot(place);
        // Release: pairs with the acquire fence in `read`. A reader that sees one of the words below sees the slot busy.
        fence(Ordering::Release);
        slot[CREATED_AT].store(now, Ordering::Relaxed);
        slot[GENERATION].store(generation, Ordering::Relaxed);
        let mut words = [0; KEY_WORDS];
        let (chunks, _) = key.as_chunks::<{ size_of::<u64>() }>();
        for (word, chunk) in words.iter_mut().zip(chunks) {
            *word = u64::from_ne_bytes(*chunk);
        }
        for (index, word) in words.iter().enumerate() {
            slot[KEY + index].store(*word, Ordering::Relaxed);
        }
        slot[CHECK].store(self.check(now, generation, &words), Ordering::Relaxed);
        words.zeroize();
        let live = publish(busy, LIVE);
        // Release: pairs with the acquire in `read`.
        slot[STATE].store(live, Ordering::Release);
        live
    }

    /// Wipes a slot of this process.
    fn empty(&self, place: usize, busy: u64) {
        let slot = self.slot(place);
        // Release: as in `fill`.
        fence(Ordering::Release);
        for word in &slot[CREATED_AT..KEY + KEY_WORDS] {
            word.store(0, Ordering::Relaxed);
        }
        slot[STATE].store(publish(busy, EMPTY), Ordering::Release);
    }

    /// Wipes the keys that are too old, or older than as many keys as are kept.
    fn wipe_expired(&self, now: u64) {
        for place in 0..SLOTS {
            let Some(seen) = self.look(place) else { continue };
            if !self.decrypts(&seen, now)
                && let Some(busy) = self.claim(place, seen.state)
            {
                self.empty(place, busy);
            }
        }
    }

    /// True if tickets of the key are still accepted. A key that never became active decrypts as well: none has its name.
    fn decrypts(&self, seen: &Seen, now: u64) -> bool {
        let RingConfig { rotate_every, keep } = self.config();
        let active = self.words[ACTIVE].load(Ordering::Relaxed);
        if is_active(active, seen) {
            return true;
        }
        let lifetime = rotate_every
            .map_or(u64::MAX, |every| every.as_millis().saturating_mul(keep.get().into()));
        let newer = generation_of(active).saturating_sub(seen.generation);
        newer < u64::from(keep.get())
            && now < seen.created_at.saturating_add(lifetime)
            && seen.created_at <= now.saturating_add(CLOCK_TOLERANCE)
    }

    fn is_due(&self, created_at: u64, now: u64) -> bool {
        self.config().rotate_every.is_some_and(|every| {
            now.saturating_sub(created_at) >= every.as_millis()
                || created_at > now.saturating_add(CLOCK_TOLERANCE)
        })
    }

    /// Copies the key of a live slot. If it changes during the copy, or is damaged, `out` has nothing of it.
    fn read(&self, place: usize, out: &mut KeyBytes) -> Option<Seen> {
        let slot = self.slot(place);
        // Acquire: pairs with the release in `fill`.
        let state = slot[STATE].load(Ordering::Acquire);
        if state & PHASE_MASK != LIVE {
            return None;
        }
        let word = |index: usize| slot[index].load(Ordering::Relaxed);
        let seen = Seen { state, created_at: word(CREATED_AT), generation: word(GENERATION) };
        let check = word(CHECK);
        let mut words: [u64; KEY_WORDS] = std::array::from_fn(|index| word(KEY + index));
        // Acquire: pairs with the release fences in `fill` and `empty`.
        fence(Ordering::Acquire);
        let is_whole = word(STATE) == state
            && check == self.check(seen.created_at, seen.generation, &words)
            && seen.generation > 0;
        if is_whole {
            let (chunks, _) = out.as_chunks_mut::<{ size_of::<u64>() }>();
            for (chunk, word) in chunks.iter_mut().zip(&words) {
                *chunk = word.to_ne_bytes();
            }
        }
        words.zeroize();
        is_whole.then_some(seen)
    }

    fn look(&self, place: usize) -> Option<Seen> {
        let mut key = [0; TICKET_KEY_LEN];
        let seen = self.read(place, &mut key);
        key.zeroize();
        seen
    }

    /// Returns the slots of the keys that decrypt, the active one first, then the newest.
    fn in_order(&self, now: u64) -> Vec<(usize, Seen)> {
        let active = generation_of(self.words[ACTIVE].load(Ordering::Acquire));
        let mut keys: Vec<_> = (0..SLOTS)
            .filter_map(|place| Some((place, self.look(place)?)))
            .filter(|(_, seen)| seen.generation <= active && self.decrypts(seen, now))
            .collect();
        keys.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.generation));
        keys
    }

    fn check(&self, created_at: u64, generation: u64, words: &[u64; KEY_WORDS]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(self.hash_key);
        hasher.write_u64(created_at);
        hasher.write_u64(generation);
        for word in words {
            hasher.write_u64(*word);
        }
        hasher.finish()
    }

    fn slot(&self, place: usize) -> &'a [AtomicU64] {
        let start = HEADER_WORDS + (place % SLOTS) * SLOT_WORDS;
        &self.words[start..start + SLOT_WORDS]
    }

    fn state(&self, place: usize) -> &'a AtomicU64 {
        &self.slot(place)[STATE]
    }
}

fn place_of(active: u64) -> usize {
    (active & ((1 << PLACE_BITS) - 1)) as usize
}

fn generation_of(active: u64) -> u64 {
    active >> PLACE_BITS
}

fn is_active(active: u64, seen: &Seen) -> bool {
    seen.generation == generation_of(active)
}

/// The state after `busy`, with another version and no owner.
fn publish(busy: u64, phase: u64) -> u64 {
    (busy >> VERSION_SHIFT).wrapping_add(1) << VERSION_SHIFT | phase
}

/// Returns true if the word was `old`, and is `new` now.
fn replace(word: &AtomicU64, old: u64, new: u64, success: Ordering) -> bool {
    word.compare_exchange(old, new, success, Ordering::Relaxed).is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::segment::owner::TestOwners;
    use crate::segment::stepping::kill_before;

    const HASH_KEY: [u8; 16] = [7; 16];
    const HOUR: u64 = 3_600_000;
    const NOW: u64 = 1_000 * HOUR;

    fn words() -> Vec<AtomicU64> {
        (0..WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    fn config(every: u64, keep: u64) -> RingConfig {
        RingConfig {
            rotate_every: RotateEvery::new(Duration::from_millis(every)),
            keep: Keep::new(keep).unwrap(),
        }
    }

    fn ring<'a>(words: &'a [AtomicU64], owners: &'a TestOwners) -> TicketRing<'a, TestOwners> {
        TicketRing::new(words, owners, &HASH_KEY)
    }

    fn opened<'a>(words: &'a [AtomicU64], owners: &'a TestOwners) -> TicketRing<'a, TestOwners> {
        let ring = ring(words, owners);
        ring.open(config(HOUR, 3), NOW).unwrap();
        ring
    }

    fn active(ring: &TicketRing<'_, TestOwners>, now: u64) -> KeyBytes {
        let mut key = [0; TICKET_KEY_LEN];
        ring.active(&mut key, now).expect("there is a key");
        key
    }

    fn find(ring: &TicketRing<'_, TestOwners>, key: &KeyBytes, now: u64) -> Option<u64> {
        let mut out = [0; TICKET_KEY_LEN];
        let found = ring.find(key.first_chunk().unwrap(), &mut out, now);
        assert_eq!(out, if found.is_some() { *key } else { [0; TICKET_KEY_LEN] });
        found
    }

    /// The secrets that are in memory, live or not.
    fn remnants(words: &[AtomicU64]) -> usize {
        (0..SLOTS)
            .filter(|place| {
                let start = HEADER_WORDS + place * SLOT_WORDS + KEY;
                words[start..start + KEY_WORDS].iter().any(|word| word.load(Ordering::Relaxed) != 0)
            })
            .count()
    }

    #[test]
    fn two_processes_have_one_key_and_one_rotation_an_interval() {
        let (words, first) = (words(), TestOwners::new(1));
        let second = first.other(2, 1);
        let (one, two) = (opened(&words, &first), opened(&words, &second));
        let old = active(&one, NOW);
        assert_eq!(active(&two, NOW), old);
        let new = active(&two, NOW + HOUR);
        assert_ne!(new, old);
        assert_eq!(active(&one, NOW + HOUR), new);
        assert_eq!(
            (find(&one, &old, NOW + HOUR), find(&one, &new, NOW + HOUR)),
            (Some(1), Some(0))
        );
    }

    #[test]
    fn the_ring_outlives_its_processes() {
        let (words, first) = (words(), TestOwners::new(1));
        let key = active(&opened(&words, &first), NOW);
        first.kill(first.mine());
        let second = first.other(1, 2);
        assert_eq!(active(&opened(&words, &second), NOW + 1), key);
    }

    #[test]
    fn a_key_leaves_and_is_wiped_when_enough_are_newer() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = opened(&words, &owners);
        let mut keys = vec![active(&ring, NOW)];
        for _ in 0..4 {
            ring.rotate(None, NOW).unwrap();
            keys.push(active(&ring, NOW));
        }
        let found: Vec<_> = keys.iter().map(|key| find(&ring, key, NOW)).collect();
        assert_eq!(found, [None, None, Some(2), Some(1), Some(0)]);
        assert_eq!(remnants(&words), 3);
        let generations: Vec<_> = ring.keys(NOW).iter().map(|key| key.generation).collect();
        assert_eq!(generations, [4, 3, 2]);
        let exported: Vec<_> = ring.export(NOW).iter().map(|aged| *aged.key.as_bytes()).collect();
        assert_eq!(exported, [keys[4], keys[3], keys[2]]);
    }

    #[test]
    fn a_key_leaves_and_is_wiped_when_its_time_is_up() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = opened(&words, &owners);
        let old = active(&ring, NOW);
        ring.rotate(None, NOW + 1).unwrap();
        assert_eq!(find(&ring, &old, NOW + 3 * HOUR - 1), Some(1));
        assert_eq!(find(&ring, &old, NOW + 3 * HOUR), None);
        ring.tick(NOW + 3 * HOUR + 1).unwrap();
        assert_eq!(remnants(&words), 1, "the active key only");
    }

    #[test]
    fn the_first_opener_sets_the_interval_and_the_longest_keep_holds() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = ring(&words, &owners);
        assert_eq!(ring.open(config(HOUR, 2), NOW).unwrap(), config(HOUR, 2));
        assert_eq!(ring.open(config(2 * HOUR, 3), NOW).unwrap(), config(HOUR, 3));
        assert_eq!(ring.open(config(HOUR, 1), NOW).unwrap(), config(HOUR, 3));
    }

    #[test]
    fn after_a_revocation_no_earlier_key_decrypts_and_none_is_in_memory() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = opened(&words, &owners);
        let old = active(&ring, NOW);
        ring.rotate(None, NOW).unwrap();
        let newer = active(&ring, NOW);
        ring.revoke(NOW).unwrap();
        assert_eq!((find(&ring, &old, NOW), find(&ring, &newer, NOW)), (None, None));
        assert_eq!(find(&ring, &active(&ring, NOW), NOW), Some(0));
        assert_eq!(remnants(&words), 1);
    }

    #[test]
    fn a_given_key_becomes_active_unless_it_is_not_random_or_repeats_another() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = opened(&words, &owners);
        let key: KeyBytes = std::array::from_fn(|at| u8::try_from(at).unwrap());
        ring.rotate(Some(&key), NOW).unwrap();
        assert_eq!(active(&ring, NOW), key);
        assert_eq!(ring.rotate(Some(&key), NOW), Err(KeyRejected::Repeated));
        assert_eq!(ring.rotate(Some(&[1; TICKET_KEY_LEN]), NOW), Err(KeyRejected::NotRandom));
    }

    #[test]
    fn a_clock_that_was_put_back_costs_one_rotation() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = opened(&words, &owners);
        let old = active(&ring, NOW);
        let earlier = NOW - 24 * HOUR;
        let new = active(&ring, earlier);
        assert_ne!(new, old);
        assert_eq!(active(&ring, earlier + 1), new);
        assert_eq!(find(&ring, &old, earlier), None, "its age is not known");
    }

    #[test]
    fn a_damaged_key_is_none() {
        let (words, owners) = (words(), TestOwners::new(1));
        let ring = opened(&words, &owners);
        let key = active(&ring, NOW);
        let place = place_of(words[ACTIVE].load(Ordering::Relaxed));
        words[HEADER_WORDS + place * SLOT_WORDS + KEY + 5].fetch_add(1, Ordering::Relaxed);
        assert_eq!(find(&ring, &key, NOW), None);
        assert_ne!(active(&ring, NOW), key, "another one replaces it");
    }

    /// What a hostile process of the same user writes is memory-safe, and every call ends.
    #[test]
    fn words_of_any_content_end_no_call_in_a_panic() {
        let owners = TestOwners::new(1);
        for pattern in [u64::MAX, 0x5555_5555_5555_5555, 0xff00_ff00_ff00_ff03, 1 << 63 | 2] {
            let words: Vec<_> = (0..WORDS).map(|_| AtomicU64::new(pattern)).collect();
            let ring = ring(&words, &owners);
            let _ = ring.open(config(HOUR, 3), NOW);
            let mut key = [0; TICKET_KEY_LEN];
            ring.active(&mut key, NOW);
            let _ = (ring.rotate(None, NOW), ring.tick(NOW), ring.keys(NOW));
            let _ = ring.export(NOW);
        }
    }

    /// Each change is killed before each of its steps, and its process is dead then. The next process uses the ring.
    #[test]
    fn a_change_that_was_killed_at_any_step_is_recovered_by_the_next_process() {
        type Change = fn(&TicketRing<'_, TestOwners>);
        let changes: [(&str, Change); 4] = [
            ("open", |ring| _ = ring.open(config(HOUR, 3), NOW)),
            ("rotate", |ring| _ = ring.rotate(None, NOW)),
            ("a due rotation", |ring| _ = ring.active(&mut [0; TICKET_KEY_LEN], NOW + HOUR)),
            ("tick", |ring| _ = ring.tick(NOW + HOUR)),
        ];
        for (name, change) in changes {
            for at in 0.. {
                let (words, first) = (words(), TestOwners::new(1));
                let one = ring(&words, &first);
                let old = (name != "open").then(|| {
                    one.open(config(HOUR, 3), NOW).unwrap();
                    (0..3).for_each(|_| one.rotate(None, NOW).unwrap());
                    active(&one, NOW)
                });
                let ended = kill_before(at, || change(&one)).is_some();
                first.kill(first.mine());
                let second = first.other(2, 1);
                let two = ring(&words, &second);
                let key = active(&two, NOW + 1);
                if let Some(old) = old {
                    assert!(find(&two, &old, NOW + 1).is_some(), "{name} {at}: tickets are lost");
                }
                assert_eq!(two.open(config(HOUR, 3), NOW + 1).unwrap(), config(HOUR, 3));
                assert_eq!(active(&two, NOW + 1), key, "{name} {at}");
                for step in 1..=4 {
                    two.rotate(None, NOW + step).unwrap();
                }
                two.tick(NOW + 5).unwrap();
                assert_eq!(two.keys(NOW + 5).len(), 3, "{name} {at}");
                assert_eq!(remnants(&words), 3, "{name} {at}: no secret stays");
                let is_stuck =
                    |place| two.state(place).load(Ordering::Relaxed) & PHASE_MASK >= BUSY;
                assert!(!(0..SLOTS).any(is_stuck), "{name} {at}");
                if ended {
                    break;
                }
                assert!(at < 2000, "{name} ends");
            }
        }
    }

    #[test]
    fn a_suspended_process_keeps_its_slot_and_nothing_else() {
        let (words, first) = (words(), TestOwners::new(1));
        let one = opened(&words, &first);
        let second = first.other(2, 1);
        let two = ring(&words, &second);
        for at in 0..60 {
            kill_before(at, || one.rotate(None, NOW));
            // It is alive, so its slot is not taken from it. At most three stopped ones fit in beside one key.
            let _ = two.rotate(None, NOW + at);
            let mut key = [0; TICKET_KEY_LEN];
            two.active(&mut key, NOW + at);
            if two.keys(NOW).is_empty() {
                break;
            }
        }
        first.kill(first.mine());
        two.rotate(None, NOW + 100).unwrap();
        assert_eq!(find(&two, &active(&two, NOW + 100), NOW + 100), Some(0));
    }

    #[test]
    fn threads_that_rotate_at_the_same_time_always_leave_one_active_key() {
        let (words, first) = (words(), TestOwners::new(1));
        opened(&words, &first);
        std::thread::scope(|scope| {
            for number in 2..6 {
                let (words, owners) = (&words, first.other(number, 1));
                scope.spawn(move || {
                    let ring = ring(words, &owners);
                    for _ in 0..500 {
                        let _ = ring.rotate(None, NOW);
                        let mut key = [0; TICKET_KEY_LEN];
                        if ring.active(&mut key, NOW).is_some() {
                            assert_ne!(key, [0; TICKET_KEY_LEN]);
                        }
                    }
                });
            }
        });
        let ring = ring(&words, &first);
        ring.tick(NOW).unwrap();
        assert_eq!(find(&ring, &active(&ring, NOW), NOW), Some(0));
        assert!(ring.keys(NOW).len() <= 3);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::segment::owner::TestOwners;

    const HASH_KEY: [u8; 16] = [7; 16];
    const OLD: KeyBytes = [1; TICKET_KEY_LEN];
    const NEW: KeyBytes = [2; TICKET_KEY_LEN];

    fn explore(check: impl Fn(Arc<Vec<AtomicU64>>) + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.max_branches = 10_000;
        builder.check(move || check(Arc::new((0..WORDS).map(|_| AtomicU64::new(0)).collect())));
    }

    fn process<R>(
        words: &[AtomicU64],
        number: u32,
        act: impl FnOnce(&TicketRing<'_, TestOwners>) -> R,
    ) -> R {
        act(&TicketRing::new(words, &TestOwners::new(number), &HASH_KEY))
    }

    /// Stores a key in a slot that is empty.
    fn store(ring: &TicketRing<'_, TestOwners>, place: usize, key: &KeyBytes, generation: u64) {
        let state = ring.state(place).load(Ordering::Acquire);
        let busy = ring.claim(place, state).unwrap();
        ring.fill(place, busy, key, generation, 1);
    }

    /// The checksum is not what finds a key that is half written: while the state stays the same, there is none.
    #[test]
    fn a_key_that_is_replaced_is_read_whole_or_not_at_all() {
        explore(|words| {
            process(&words, 1, |ring| store(ring, 0, &OLD, 1));
            let others = Arc::clone(&words);
            let writer = thread::spawn(move || {
                process(&others, 1, |ring| store(ring, 0, &NEW, 2));
            });
            process(&words, 2, |ring| {
                let before = ring.state(0).load(Ordering::Acquire);
                let mut key = [0; TICKET_KEY_LEN];
                let seen = ring.read(0, &mut key);
                let is_unchanged =
                    before & PHASE_MASK == LIVE && ring.state(0).load(Ordering::Acquire) == before;
                assert!(seen.is_some() || !is_unchanged, "a live key was not whole");
                match seen.map(|seen| seen.generation) {
                    None => assert_eq!(key, [0; TICKET_KEY_LEN]),
                    Some(1) => assert_eq!(key, OLD),
                    Some(generation) => assert_eq!((key, generation), (NEW, 2)),
                }
            });
            writer.join().unwrap();
        });
    }

    #[test]
    fn the_active_key_is_there_when_its_word_is_seen() {
        explore(|words| {
            let others = Arc::clone(&words);
            let writer = thread::spawn(move || {
                process(&others, 1, |ring| {
                    store(ring, 1, &NEW, 1);
                    let word = 1 << PLACE_BITS | 1;
                    assert!(replace(&ring.words[ACTIVE], 0, word, Ordering::Release));
                });
            });
            process(&words, 2, |ring| {
                let word = ring.words[ACTIVE].load(Ordering::Acquire);
                if word != 0 {
                    let mut key = [0; TICKET_KEY_LEN];
                    assert!(ring.read(place_of(word), &mut key).is_some() && key == NEW);
                }
            });
            writer.join().unwrap();
        });
    }
}
