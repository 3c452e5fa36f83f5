//! A table of a segment with the methods of the store of one process, so that both stand behind `Cache`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attachment::{Attachment, Which};
use super::link::Link;
use super::missed::Missed;
use crate::call_time::{CallTime, Now};
use crate::clock::{wall_millis, whole_millis};
use crate::read_mode::{Destination, ReadMode};
use crate::segment::control::leases::Leases;
use crate::segment::files::{ControlFile, SessionFile};
use crate::segment::layout::LEASES;
use crate::segment::table::{Hash, MAX_TICKETS, Moment, NewSession, Table};
use crate::single_flight::{Leadership, Lease};
use crate::store::counters::{Count, Counters};
use crate::store::{Drain, Inserted};
use crate::{
    Annotation, BufferTooSmall, EntryId, EntryOptions, Key, Memory, Options, Rejected, Stats,
};

/// A time with a coarse form.
pub(crate) trait CoarseNow: Now {
    /// Returns the time in milliseconds, or up to a second less.
    fn coarse_millis(self) -> u64;
}

impl CoarseNow for u64 {
    fn coarse_millis(self) -> u64 {
        self
    }
}

impl CoarseNow for &CallTime<'_> {
    fn coarse_millis(self) -> u64 {
        self.coarse()
    }
}

/// How many slots a step of a drain looks at.
const DRAIN_STEP: usize = 1024;

/// See the [module](self).
pub(crate) struct SharedTable {
    link: Arc<Link>,
    which: Which,
    options: Options,
    /// True if the clock is the system's. The wall clock counts then, too.
    has_system_clock: bool,
    counters: Counters,
    /// How many clears left sessions to wipe, and for how many of them that was done.
    clears: AtomicU64,
    drained: AtomicU64,
}

type TableOf<'a> = Table<'a, ControlFile, SessionFile>;

impl SharedTable {
    pub(crate) fn new(
        link: Arc<Link>,
        which: Which,
        options: Options,
        has_system_clock: bool,
    ) -> Self {
        Self {
            link,
            which,
            options,
            has_system_clock,
            counters: Counters::default(),
            clears: AtomicU64::new(0),
            drained: AtomicU64::new(0),
        }
    }

    pub(crate) fn put(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl CoarseNow,
    ) -> Result<bool, Rejected> {
        self.insert(key, None, blob, options, 0, now).map(|inserted| inserted.sweep_is_due)
    }

    pub(crate) fn put_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: impl CoarseNow,
    ) -> Result<Inserted, Rejected> {
        self.insert(key, Some(annotation), blob, options, 0, now)
    }

    pub(crate) fn add(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl CoarseNow,
    ) -> Result<bool, Rejected> {
        let inserted = self.insert(key, None, blob, options, self.others(), now);
        inserted.map(|inserted| inserted.sweep_is_due)
    }

    pub(crate) fn add_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: impl CoarseNow,
    ) -> Result<Inserted, Rejected> {
        self.insert(key, Some(annotation), blob, options, self.others(), now)
    }

    fn others(&self) -> usize {
        usize::from(self.options.tickets_per_key.get()).min(MAX_TICKETS) - 1
    }

    fn insert(
        &self,
        key: Key<'_>,
        annotation: Option<&Annotation>,
        blob: &[u8],
        options: EntryOptions,
        others: usize,
        now: impl CoarseNow,
    ) -> Result<Inserted, Rejected> {
        let ttl = options.ttl.map_or(self.options.ttl, |own| own.min(self.options.ttl));
        let stored = self.with(now, |files| {
            let hash = files.hash(key);
            let is_reusable = options.reusable;
            let new = NewSession { hash, annotation, blob, ttl, is_reusable, others };
            self.table(files).insert(&new, self.moment(files, now))
        });
        let stored = stored.unwrap_or_else(|| {
            self.counters.add(Count::Rejected);
            Err(Rejected::NoRoom)
        });
        // Insertions find expired sessions of their set themselves.
        stored.map(|id| Inserted { id, sweep_is_due: false })
    }

    pub(crate) fn read<D: Destination>(
        &self,
        key: Key<'_>,
        how: ReadMode,
        out: &mut D,
        now: impl CoarseNow,
    ) -> Result<Option<usize>, BufferTooSmall> {
        let is_single_use = self.options.single_use;
        let read = self.with(now, |files| {
            let now = self.moment(files, now);
            self.table(files).read(files.hash(key), how, is_single_use, out, now)
        });
        read.unwrap_or_else(|| {
            self.counters.add(Count::Miss);
            Ok(None)
        })
    }

    pub(crate) fn contains(&self, key: Key<'_>, now: impl CoarseNow) -> bool {
        self.on_key(key, |table, files, hash| table.contains(hash, self.moment(files, now)))
    }

    pub(crate) fn remove(&self, key: Key<'_>, now: impl CoarseNow) -> usize {
        self.on_key(key, |table, files, hash| table.remove(hash, self.moment(files, now)))
    }

    pub(crate) fn remove_entry(&self, key: Key<'_>, entry: EntryId, now: impl CoarseNow) -> bool {
        self.on_key(key, |table, files, hash| {
            table.remove_entry(hash, entry, self.moment(files, now))
        })
    }

    /// Says that the offers of this process under a key came to a conclusive end.
    pub(crate) fn settle(&self, key: Key<'_>) {
        self.on_key(key, |table, _, hash| table.settle(hash));
    }

    /// Removes all sessions. Returns the drain that wipes them, unless they are wiped.
    pub(crate) fn clear(&self) -> Option<Drain> {
        let note = |missed: &mut Missed| {
            if self.which == Which::Sessions {
                missed.clear();
            }
        };
        let mut is_wiped = true;
        let clear = |files: &Attachment| {
            let table = self.table(files);
            if table.clear() {
                return;
            }
            if self.link.is_attached(files) {
                is_wiped = false;
                return;
            }
            // The drain looks at the attached files only.
            let mut from = Some(0);
            while let Some(at) = from {
                from = table.wipe_cleared(at, DRAIN_STEP);
            }
        };
        self.link.remove(clear, note);
        if is_wiped {
            return None;
        }
        // Relaxed, here and below: the watermark in the file says what is cleared.
        self.clears.fetch_add(1, Ordering::Relaxed);
        Some(self.drain())
    }

    /// True if this handle has cleared sessions that no drain has wiped. A sweep wipes what a dead process left of its own.
    pub(crate) fn is_draining(&self) -> bool {
        self.clears.load(Ordering::Relaxed) != self.drained.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) -> Drain {
        Drain { generation: self.clears.load(Ordering::Relaxed), from: 0 }
    }

    pub(crate) fn finish(&self, mut drain: Drain) {
        while let Some(next) = self.drain_step(drain) {
            drain = next;
        }
    }

    /// Wipes cleared sessions among a bounded number of slots. Returns `None` if the drain is complete.
    pub(crate) fn drain_step(&self, drain: Drain) -> Option<Drain> {
        let next = self.link.with(|files| {
            let next = self.table(files).wipe_cleared(drain.from as usize, DRAIN_STEP)?;
            u32::try_from(next).ok()
        });
        if let Some(from) = next.flatten() {
            return Some(Drain { from, ..drain });
        }
        self.drained.fetch_max(drain.generation, Ordering::Relaxed);
        // This drain may have passed sessions that another clear has removed since.
        self.is_draining().then(|| self.drain())
    }

    /// Returns false if another process does the sweep that is due.
    pub(crate) fn claims_sweep(&self, now: u64) -> bool {
        let interval = whole_millis(self.options.sweep_interval.unwrap_or_default().get());
        self.link.with(|files| self.table(files).marks.claim_sweep(interval, now)).unwrap_or(false)
    }

    pub(crate) fn sweep_step(&self, from: u32, now: impl CoarseNow) -> (usize, Option<u32>) {
        let step = self.link.with(|files| {
            let (removed, next) =
                self.table(files).sweep_step(from as usize, self.moment(files, now));
            (removed, next.and_then(|next| u32::try_from(next).ok()))
        });
        step.unwrap_or((0, None))
    }

    fn usage(&self) -> (u64, u64) {
        self.link.with(|files| self.table(files).usage()).unwrap_or((0, 0))
    }

    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.usage().0).expect("at most the slots")
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.usage().1
    }

    /// Returns the counters of this process, and the gauges of the file.
    pub(crate) fn stats(&self) -> Stats {
        let (size, bytes) = self.usage();
        Stats { size, bytes, ..self.counters.stats() }
    }

    pub(crate) fn memory(&self) -> Memory {
        let memory = self.link.with(|files| Memory {
            used: files.sessions.allocated_bytes(),
            locked: files.sessions.mapping.locked(),
            excluded_from_core_dumps: files.sessions.mapping.is_excluded_from_core_dumps(),
            highest_node: self.table(files).usage().0,
        });
        memory.unwrap_or_default()
    }

    pub(crate) fn lead(&self, key: Key<'_>, millis: u64, now: u64) -> Leadership {
        let lead = self.on_leases(key, |leases, hash| leases.lead(hash, millis, now));
        lead.unwrap_or(Leadership::Independent)
    }

    pub(crate) fn release(
        &self,
        key: Key<'_>,
        lease: Lease,
        is_productive: bool,
        now: u64,
    ) -> bool {
        let end = |leases: &Leases<'_, _>, hash| leases.release(hash, lease, is_productive, now);
        self.on_leases(key, end).unwrap_or(false)
    }

    fn on_leases<R>(
        &self,
        key: Key<'_>,
        call: impl FnOnce(&Leases<'_, ControlFile>, u64) -> R,
    ) -> Option<R> {
        self.link.with(|files| {
            let leases = Leases::new(files.control.region(LEASES), &*files.control);
            call(&leases, files.hash(key).low)
        })
    }

    fn on_key<R: Default>(
        &self,
        key: Key<'_>,
        call: impl FnOnce(&TableOf<'_>, &Attachment, Hash) -> R,
    ) -> R {
        let done = self.link.with(|files| call(&self.table(files), files, files.hash(key)));
        done.unwrap_or_default()
    }

    #[inline]
    fn with<R>(&self, now: impl CoarseNow, call: impl FnOnce(&Attachment) -> R) -> Option<R> {
        if self.has_system_clock {
            self.link.with_at(now.coarse_millis(), call)
        } else {
            self.link.with(call)
        }
    }

    fn table<'a>(&'a self, files: &'a Attachment) -> TableOf<'a> {
        files.table(self.which, &self.counters, &self.link.events)
    }

    fn moment<N: CoarseNow>(&self, files: &Attachment, now: N) -> Moment<N> {
        let coarse = now.coarse_millis();
        let shares_boot_time = !self.has_system_clock || files.shares_boot_time();
        let wall = match (self.has_system_clock, shares_boot_time) {
            (false, _) => coarse,
            // The other clock is exact.
            (true, true) => wall_millis(true),
            (true, false) => wall_millis(false),
        };
        Moment { now, shares_boot_time, wall, coarse }
    }
}
