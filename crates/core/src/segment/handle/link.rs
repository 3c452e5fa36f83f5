//! The link of a process to a segment. It follows the path when the files are removed and made again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::attachment::Attachment;
use super::missed::Missed;
use crate::Capacity;
use crate::clock::{Clock, SystemClock, whole_millis};
use crate::segment::table::Events;
use crate::segment::{SegmentError, SegmentOptions};
use crate::store::striped::{CachePadded, STRIPES, stripe};

/// How often the path is looked at, in milliseconds.
const CHECK_EVERY: u64 = 1000;

type Current = RwLock<Option<Arc<Attachment>>>;

#[derive(Default)]
struct Changes {
    /// Why there is no attachment.
    problem: Option<SegmentError>,
    missed: Missed,
    /// The earlier attachment, while there is none and its files have a name: they may come back under the path.
    earlier: Option<Arc<Attachment>>,
}

/// See the [module](self).
pub(crate) struct Link {
    options: SegmentOptions,
    /// The attachment, once for each group of threads. Each call holds the lock of its group for reading. It is locked for
    /// writing only when the files have changed.
    current: [CachePadded<Current>; STRIPES],
    checked_at: AtomicU64,
    /// Held while the attachment changes.
    changes: Mutex<Changes>,
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
            changes: Mutex::default(),
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

    /// Runs a call that removes something, on the files that the path names now: the other processes use these. Those that
    /// have not noticed a change of the path use the earlier files, and so do all if these come back. If the path names none,
    /// runs `note`, and returns false.
    pub(super) fn remove(
        &self,
        mut call: impl FnMut(&Attachment),
        note: impl FnOnce(&mut Missed),
    ) -> bool {
        // Waits for a thread that attaches: until then the calls of this one go to the earlier files.
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = self.current().or_else(|| changes.earlier.clone());
        let attached = self.attach(&mut changes);
        if let Some(files) = earlier
            && attached.as_ref().is_none_or(|attached| !Arc::ptr_eq(attached, &files))
        {
            call(&files);
        }
        match attached {
            Some(files) if !files.is_dead() => {
                call(&files);
                true
            }
            _ => {
                note(&mut changes.missed);
                false
            }
        }
    }

    /// Attaches to the files that the path names now, if they are not those that it named before. Leaves it to another thread
    /// that does so.
    fn check(&self) {
        if let Ok(mut changes) = self.changes.try_lock() {
            self.attach(&mut changes);
        }
    }

    fn current(&self) -> Option<Arc<Attachment>> {
        self.current[0].0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True if the calls go to these files.
    pub(super) fn is_attached(&self, files: &Attachment) -> bool {
        self.current().is_some_and(|current| std::ptr::eq(&raw const *current, files))
    }

    fn attach(&self, changes: &mut Changes) -> Option<Arc<Attachment>> {
        let current = self.current();
        if current.as_ref().is_some_and(|attachment| attachment.is_current()) {
            return current;
        }
        match Attachment::open(&self.options) {
            Ok(attachment) => {
                // Before any call reads the files.
                changes.missed.apply(&attachment);
                self.replace(Some(&attachment));
                (changes.problem, changes.earlier) = (None, None);
                Some(attachment)
            }
            Err(error) => {
                // What is left of the earlier files is not shared with the other processes any more.
                self.replace(None);
                changes.problem = Some(error);
                let earlier = current.or_else(|| changes.earlier.take());
                changes.earlier = earlier.filter(|files| files.control.has_name());
                None
            }
        }
    }

    /// Returns why there are no files that can be used.
    pub(crate) fn problem(&self) -> Option<SegmentError> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::segment::SegmentKind;
    use crate::segment::files::tests::Folder;
    use crate::{Cache, EntryOptions, Key, Segment};

    fn open(folder: &Folder) -> Segment {
        Segment::open(SegmentOptions::new(folder.path(), SegmentKind::Clients)).unwrap()
    }

    /// Replaces the files by a folder.
    fn make_unusable(folder: &Folder, segment: &Segment) {
        segment.remove_files().unwrap();
        std::fs::create_dir(folder.path()).unwrap();
    }

    #[test]
    fn what_is_removed_without_files_is_removed_from_the_next_ones() {
        let folder = Folder::new();
        let segment = open(&folder);
        let sessions = segment.sessions(Cache::builder());
        make_unusable(&folder, &segment);
        assert!(!segment.purge(b"a.example"));
        sessions.clear();
        std::fs::remove_dir(folder.path()).unwrap();

        let other = open(&folder);
        let key = Key::new(b"key").unwrap();
        let others = other.sessions(Cache::builder());
        others.put(key, b"a session", EntryOptions::default()).unwrap();
        segment.link.check();
        assert_eq!((other.purges_of(b"a.example"), other.purges_of(b"b.example")), (1, 0));
        assert_eq!(others.len(), 0);
        // Once only.
        others.put(key, b"a session", EntryOptions::default()).unwrap();
        other.remove_files().unwrap();
        segment.link.check();
        assert_eq!(segment.purges(), 0);
    }

    #[test]
    fn a_purge_holds_in_the_files_that_were_used_before() {
        for is_noticed in [false, true] {
            let folder = Folder::new();
            let (segment, other) = (open(&folder), open(&folder));
            let [aside, aside_sessions] =
                ["aside", "aside.v2"].map(|name| folder.path().with_file_name(name));
            std::fs::rename(folder.path(), &aside).unwrap();
            std::fs::rename(folder.path().with_extension("v2"), &aside_sessions).unwrap();
            std::fs::create_dir(folder.path()).unwrap();
            if is_noticed {
                segment.link.check();
            }
            assert!(!segment.purge(b"a.example"));
            assert_eq!(other.purges_of(b"a.example"), 1, "it has not noticed the change");
            // The process ends before there is another file.
            drop(segment);
            std::fs::remove_dir(folder.path()).unwrap();
            std::fs::rename(&aside, folder.path()).unwrap();
            std::fs::rename(&aside_sessions, folder.path().with_extension("v2")).unwrap();
            assert_eq!(open(&folder).purges_of(b"a.example"), 1);
        }
    }

    #[test]
    fn a_purge_reaches_a_process_that_has_not_noticed_another_file() {
        let folder = Folder::new();
        let (segment, other) = (open(&folder), open(&folder));
        segment.remove_files().unwrap();
        assert!(segment.purge(b"a.example"));
        assert_eq!(other.purges_of(b"a.example"), 1);
        other.link.check();
        assert_eq!(other.purges_of(b"a.example"), 1);
    }

    #[test]
    fn a_clear_wipes_a_large_earlier_file() {
        for is_usable in [true, false] {
            let folder = Folder::new();
            let options = SegmentOptions::new(folder.path(), SegmentKind::Clients);
            let segment = Segment::open(options.with_max(Capacity::new(25_000))).unwrap();
            let other = open(&folder);
            let sessions = segment.sessions(Cache::builder());
            for number in 0..3000_u32 {
                let key = number.to_ne_bytes();
                let key = Key::new(&key).unwrap();
                sessions.put(key, b"a session", EntryOptions::default()).unwrap();
            }
            if is_usable {
                segment.remove_files().unwrap();
            } else {
                make_unusable(&folder, &segment);
            }
            sessions.clear();
            sessions.finish_clear();
            assert_eq!((sessions.stats().cleared, other.audit().unwrap()[0].live), (3000, 0));
        }
    }

    #[test]
    fn files_without_a_name_are_not_kept() {
        let folder = Folder::new();
        let segment = open(&folder);
        make_unusable(&folder, &segment);
        segment.link.check();
        assert!(segment.link.changes.lock().unwrap().earlier.is_none(), "their memory is free");
    }

    #[test]
    fn more_purges_than_are_kept_purge_all_peers() {
        let folder = Folder::new();
        let segment = open(&folder);
        make_unusable(&folder, &segment);
        for peer in 0..1000_u32 {
            segment.purge(&peer.to_ne_bytes());
        }
        std::fs::remove_dir(folder.path()).unwrap();
        segment.link.check();
        assert_eq!((segment.purges_of(b"another"), segment.purges()), (1, 1));
    }

    #[test]
    fn a_purge_waits_for_the_thread_that_attaches() {
        let folder = Folder::new();
        let segment = open(&folder);
        segment.remove_files().unwrap();
        let other = open(&folder);
        let (is_held, wait) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let changes = segment.link.changes.lock().unwrap();
                is_held.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(50));
                drop(changes);
            });
            wait.recv().unwrap();
            segment.purge(b"a.example");
        });
        assert_eq!(other.purges_of(b"a.example"), 1);
    }
}
