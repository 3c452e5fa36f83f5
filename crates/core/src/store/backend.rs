//! The store behind a cache: that of the process, or a table of a segment. Both have the same methods.

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
use crate::segment::handle::shared::SharedTable;

use crate::call_time::CallTime;
use crate::read_mode::{Destination, ReadMode};
use crate::single_flight::{Leadership, Leases};
use crate::store::{Drain, Inserted, Store};
use crate::{
    Annotation, BufferTooSmall, EntryId, EntryOptions, Key, Lease, Memory, Rejected, Stats,
};

/// See the [module](self).
#[allow(clippy::large_enum_variant, reason = "there is one for each cache")]
pub(crate) enum Backend {
    /// Of the process, with its leases.
    Process(Store, Leases),
    /// Of all processes.
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
    Shared(SharedTable),
}

/// Calls a method of either.
macro_rules! on_store {
    ($backend:expr, $store:ident => $call:expr) => {
        match $backend {
            Backend::Process($store, _) => $call,
            #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
            Backend::Shared($store) => $call,
        }
    };
}

/// Does something for a store of the process, and something else for a shared one.
macro_rules! by_kind {
    ($backend:expr, $store:pat, $leases:pat => $own:expr, $shared:pat => $other:expr) => {
        match $backend {
            Backend::Process($store, $leases) => $own,
            #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
            Backend::Shared($shared) => $other,
        }
    };
}

impl Backend {
    pub(crate) fn put(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: &CallTime<'_>,
    ) -> Result<bool, Rejected> {
        on_store!(self, store => store.put(key, blob, options, now))
    }

    pub(crate) fn add(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: &CallTime<'_>,
    ) -> Result<bool, Rejected> {
        on_store!(self, store => store.add(key, blob, options, now))
    }

    pub(crate) fn put_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: &CallTime<'_>,
    ) -> Result<Inserted, Rejected> {
        on_store!(self, store => store.put_annotated(key, annotation, blob, options, now))
    }

    pub(crate) fn add_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: &CallTime<'_>,
    ) -> Result<Inserted, Rejected> {
        on_store!(self, store => store.add_annotated(key, annotation, blob, options, now))
    }

    pub(crate) fn read(
        &self,
        key: Key<'_>,
        how: ReadMode,
        out: &mut impl Destination,
        now: &CallTime<'_>,
    ) -> Result<Option<usize>, BufferTooSmall> {
        on_store!(self, store => store.read(key, how, out, now))
    }

    pub(crate) fn contains(&self, key: Key<'_>, now: &CallTime<'_>) -> bool {
        on_store!(self, store => store.contains(key, now))
    }

    pub(crate) fn remove(&self, key: Key<'_>, now: &CallTime<'_>) -> usize {
        on_store!(self, store => store.remove(key, now))
    }

    pub(crate) fn remove_entry(&self, key: Key<'_>, entry: EntryId, now: &CallTime<'_>) -> bool {
        on_store!(self, store => store.remove_entry(key, entry, now))
    }

    /// Says that the offers under a key came to a conclusive end.
    pub(crate) fn settle(&self, key: Key<'_>) {
        by_kind!(self, _, _ => { let _ = key; }, shared => shared.settle(key));
    }

    /// Removes all entries. What is returned still has to be wiped.
    pub(crate) fn clear(&self) -> Option<Drain> {
        on_store!(self, store => store.clear())
    }

    pub(crate) fn drain(&self) -> Option<Drain> {
        on_store!(self, store => store.is_draining().then(|| store.drain()))
    }

    pub(crate) fn drain_step(&self, drain: Drain) -> Option<Drain> {
        on_store!(self, store => store.drain_step(drain))
    }

    pub(crate) fn finish(&self, drain: Drain) {
        on_store!(self, store => store.finish(drain));
    }

    pub(crate) fn sweep_after_insert(&self, now: &CallTime<'_>) {
        by_kind!(self, store, _ => store.sweep_after_insert(now), _ => ());
    }

    /// Returns false if the background sweep that is due is another process's.
    pub(crate) fn claims_sweep(&self, now: u64) -> bool {
        by_kind!(self, _, _ => { let _ = now; true }, shared => shared.claims_sweep(now))
    }

    pub(crate) fn sweep_step(&self, from: u32, now: u64) -> (usize, Option<u32>) {
        on_store!(self, store => store.sweep_step(from, now))
    }

    pub(crate) fn len(&self) -> usize {
        on_store!(self, store => store.len())
    }

    pub(crate) fn bytes(&self) -> u64 {
        on_store!(self, store => store.bytes())
    }

    pub(crate) fn stats(&self) -> Stats {
        on_store!(self, store => store.stats())
    }

    pub(crate) fn memory(&self) -> Memory {
        on_store!(self, store => store.memory())
    }

    /// Returns the bytes that the last handle has to wipe. Shared sessions stay.
    pub(crate) fn bytes_to_wipe(&self) -> u64 {
        by_kind!(self, store, _ => store.memory().used, _ => 0)
    }

    pub(crate) fn wipe(&self) {
        by_kind!(self, store, _ => store.wipe(), _ => ());
    }

    pub(crate) fn trim(&self) {
        by_kind!(self, store, _ => store.trim(), _ => ());
    }

    pub(crate) fn lead(&self, key: Key<'_>, millis: u64, now: u64) -> Leadership {
        by_kind!(self, _, leases => leases.lead(key, millis, now), shared => shared.lead(key, millis, now))
    }

    pub(crate) fn release(
        &self,
        key: Key<'_>,
        lease: Lease,
        is_productive: bool,
        now: u64,
    ) -> bool {
        by_kind!(
            self,
            _, leases => leases.release(key, lease, is_productive, now),
            shared => shared.release(key, lease, is_productive, now)
        )
    }
}
