//! The link of a process to a segment. It follows the path when the files are removed and made again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::attachment::Attachment;
use crate::clock::{Clock, SystemClock, whole_millis};
use crate::segment::table::Events;
use crate::segment::{SegmentError, SegmentOptions};
use crate::store::striped::{CachePadded, STRIPES, stripe};
use crate::{Capacity, MaxSession};

/// How often the path is looked at, in milliseconds.
const CHECK_EVERY: u64 = 1000;

type Current = RwLock<Option<Arc<Attachment>>>;

/// See the [module](self).
pub(crate) struct Link {
    options: SegmentOptions,
    /// The attachment, once for each group of threads. Each call holds the lock of its group for reading. It is locked for
    /// writing only when the files have changed.
    current: [CachePadded<Current>; STRIPES],
    checked_at: AtomicU64,
    /// Held while the attachment changes. Why there is none.
    problem: Mutex<Option<SegmentError>>,
    pub(crate) events: Events,
}

impl Link {
    pub(crate) fn open(options: SegmentOptions) -> Result<Self, SegmentError> {
        let attachment = Attachment::open(&options)?;
        let header = attachment.control.header();
        // The files that come later must have what these have.
        let options = options
            .with_max(header.max)
            .with_max_session(header.max_session)
            .with_single_use(header.single_use);
        let link = Self {
            options,
            current: Default::default(),
            checked_at: AtomicU64::new(now()),
            problem: Mutex::new(None),
            events: Events::default(),
        };
        link.replace(Some(&attachment));
        Ok(link)
    }

    pub(crate) fn options(&self) -> &SegmentOptions {
        &self.options
    }

    pub(crate) fn max(&self) -> Capacity {
        self.options.max.unwrap_or_default()
    }

    pub(crate) fn max_session(&self) -> MaxSession {
        self.options.max_session.unwrap_or_default()
    }

    pub(crate) fn is_single_use(&self) -> bool {
        self.options.single_use.unwrap_or_default()
    }

    /// Runs a call on the files. Returns `None` if there are none that can be used.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&Attachment) -> R) -> Option<R> {
        self.with_at(now(), call)
    }

    /// As [`with`](Self::with). `now`: milliseconds since the start of the machine, or up to a second less.
    #[inline]
    pub(crate) fn with_at<R>(&self, now: u64, call: impl FnOnce(&Attachment) -> R) -> Option<R> {
        let checked_at = self.checked_at.load(Ordering::Relaxed);
        // Relaxed: the exchange only keeps the other threads from looking as well.
        if now.wrapping_sub(checked_at) >= CHECK_EVERY
            && self
                .checked_at
                .compare_exchange(checked_at, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.check();
        }
        let current = self.current[stripe()].0.read().unwrap_or_else(PoisonError::into_inner);
        current.as_deref().filter(|attachment| !attachment.is_dead()).map(call)
    }

    /// Attaches to the files that the path names now, if they are not those that it named before.
    pub(crate) fn check(&self) {
        let Ok(mut problem) = self.problem.try_lock() else { return };
        let current = self.current[0].0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if current.as_ref().is_some_and(|attachment| attachment.is_current()) {
            return;
        }
        drop(current);
        match Attachment::open(&self.options) {
            Ok(attachment) => {
                self.replace(Some(&attachment));
                *problem = None;
            }
            Err(error) => {
                // What is left of the earlier files is not shared with the other processes any more.
                self.replace(None);
                *problem = Some(error);
            }
        }
    }

    /// Returns why there are no files that can be used.
    pub(crate) fn problem(&self) -> Option<SegmentError> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, attachment: Option<&Arc<Attachment>>) {
        for current in &self.current {
            let mut current = current.0.write().unwrap_or_else(PoisonError::into_inner);
            *current = attachment.map(Arc::clone);
        }
    }
}

fn now() -> u64 {
    whole_millis(SystemClock::since_boot().coarse())
}
