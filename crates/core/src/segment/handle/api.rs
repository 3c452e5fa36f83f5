use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::SessionAges;
use super::attachment::{Attachment, Which};
use super::link::Link;
use super::shared::SharedTable;
use crate::clock::wall_millis;
use crate::segment::control::purges::Purges;
use crate::segment::table::Events;
use crate::segment::{SegmentError, SegmentInfo, SegmentOptions};
use crate::store::counters::Counters;
use crate::{Builder, ByteBudget, Cache, Options, TicketsPerKey, Ttl};

/// No session is kept longer (RFC 8446, section 4.6.1), so no chain is needed longer.
const CHAIN_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A cache in files on tmpfs that all processes of a user share, kept across their restarts. Linux only.
///
/// A handle: clones share the same files, and so do all segments of one path in one process. If the files are removed, or
/// made again by another process, the segment follows within a second. Without files every read is a miss.
///
/// ```
/// # #[cfg(target_os = "linux")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tls_resumption_core::{Cache, EntryOptions, Key, Segment, SegmentKind, SegmentOptions};
///
/// let path = format!("/dev/shm/tls-resumption-doc-{}", std::process::id());
/// let segment = Segment::open(SegmentOptions::new(&path, SegmentKind::Clients))?;
/// let sessions = segment.sessions(Cache::builder());
/// let key = Key::new(b"example.org:443")?;
/// sessions.put(key, b"a session", EntryOptions::default())?;
/// drop((sessions, segment));
///
/// let segment = Segment::open(SegmentOptions::new(&path, SegmentKind::Clients))?;
/// let sessions = segment.sessions(Cache::builder());
/// assert_eq!(sessions.get(key).as_deref(), Some(&b"a session"[..]));
/// segment.remove_files()?;
/// # Ok(())
/// # }
/// # #[cfg(not(target_os = "linux"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Segment {
    pub(super) link: Arc<Link>,
}

impl Segment {
    /// Opens the files of a path, or makes them. Takes milliseconds, and waits at most 200 ms for another process.
    ///
    /// # Errors
    ///
    /// [`SegmentError`] if a file is no segment of this user, or was made with other options, or cannot be made.
    pub fn open(options: SegmentOptions) -> Result<Self, SegmentError> {
        Ok(Self { link: Arc::new(Link::open(options)?) })
    }

    /// Returns the cache of sessions. Of the builder its lifetime, tickets per key, sweep interval and clock count.
    ///
    /// It differs from a cache of one process in these points. `max` is rounded up. A full set of 16 evicts, although other sets
    /// have room. A key has at most 8 tickets. A session has at most [`SegmentOptions::max_session`] bytes, and there is no
    /// other limit of bytes. The counters of [`Cache::stats`] are those of this handle, its gauges those of the file. Calls
    /// look at the files once a second, and then may take longer.
    #[must_use]
    pub fn sessions(&self, builder: Builder) -> Cache {
        let link = &self.link;
        let options = Options {
            max: link.max(),
            max_bytes: ByteBudget::MAX,
            single_use: link.is_single_use(),
            ..*builder.options()
        };
        self.cache(Which::Sessions, options, builder)
    }

    /// Returns the cache of certificate chains, one under each digest. A chain has at most 32 KiB. A clear of the sessions
    /// leaves it as it is.
    #[must_use]
    pub fn chains(&self) -> Cache {
        let options = Options {
            max: self.link.max(),
            max_bytes: ByteBudget::MAX,
            ttl: Ttl::new(CHAIN_TTL).unwrap_or_default(),
            tickets_per_key: TicketsPerKey::MIN,
            single_use: false,
            // The sweep of the sessions and insertions suffice: chains are no secrets.
            sweep_interval: None,
        };
        self.cache(Which::Chains, options, Cache::builder())
    }

    fn cache(&self, which: Which, options: Options, builder: Builder) -> Cache {
        let (clock, is_system) = builder.into_clock_since_boot();
        let table = SharedTable::new(Arc::clone(&self.link), which, options, is_system);
        Cache::over(table, options, clock)
    }

    /// Purges the peer of that name in every process. Returns false if there are no files: then the peer is purged in the
    /// next ones that this process opens under the path.
    #[expect(clippy::must_use_candidate, reason = "callers want the purge")]
    pub fn purge(&self, name: &[u8]) -> bool {
        self.link.remove(
            |files| files.purges().purge(files.hash_name(name)),
            |missed| missed.purge(name),
        )
    }

    /// Returns how often the peer of that name, or one that shares its counter, has been purged by any process.
    #[must_use]
    pub fn purges_of(&self, name: &[u8]) -> u64 {
        self.on_purges(|files, purges| purges.of(files.hash_name(name))).unwrap_or(0)
    }

    /// Returns the number of all purges. While it and [`file_id`](Self::file_id) stay the same, all counters do.
    #[must_use]
    pub fn purges(&self) -> u64 {
        self.on_purges(|_, purges| purges.total()).unwrap_or(0)
    }

    /// Returns the random name of the control file. Another file under the same path has another one. Returns `None` if
    /// there are no files.
    #[must_use]
    pub fn file_id(&self) -> Option<[u8; 16]> {
        self.link.with(|files| {
            let [one, other] = files.control.header().file_id.map(u64::to_ne_bytes);
            std::array::from_fn(|at| if at < 8 { one[at] } else { other[at - 8] })
        })
    }

    /// Returns why there are no files that can be used, if there are none.
    #[must_use]
    pub fn problem(&self) -> Option<SegmentError> {
        self.link.problem()
    }

    /// Returns what the files hold, and what happened to them. It reads every slot.
    #[must_use]
    pub fn info(&self) -> Option<SegmentInfo> {
        let events = &self.link.events;
        self.link.with(|files| {
            let usage = |which| {
                let counters = Counters::default();
                files.table(which, &counters, &Events::default()).usage()
            };
            let (header, (sessions, session_bytes)) =
                (files.control.header(), usage(Which::Sessions));
            let (chains, chain_bytes) = usage(Which::Chains);
            let (counters, none) = (Counters::default(), Events::default());
            let stored_at = files.table(Which::Sessions, &counters, &none).stored_at();
            SegmentInfo {
                max: header.max,
                max_session: header.max_session,
                single_use: header.single_use,
                created: Duration::from_millis(header.created),
                processes: files.control.processes(),
                sessions,
                session_bytes,
                chains,
                chain_bytes,
                allocated_bytes: files.sessions.allocated_bytes(),
                damaged: Events::get(&events.damaged),
                no_space: Events::get(&events.no_space),
                recovered: Events::get(&events.recovered),
                poisoned: Events::get(&events.poisoned),
                ages: SessionAges::new(stored_at, wall_millis(false)),
                ring: files.ring().info(wall_millis(false)),
                file_system: files.control.file_system(),
            }
        })
    }

    /// Removes both files. The processes that use them make new ones within a second, if they use the segment.
    ///
    /// # Errors
    ///
    /// [`SegmentError`] if the system refuses.
    pub fn remove_files(&self) -> Result<(), SegmentError> {
        self.link
            .with(|files| files.sessions.remove().and_then(|()| files.control.remove()))
            .unwrap_or(Ok(()))
    }

    /// Looks at every slot of the sessions and of the chains. For this crate's own tests.
    #[cfg(any(test, feature = "_oracle"))]
    #[doc(hidden)]
    #[must_use]
    pub fn audit(&self) -> Option<[crate::oracle::Audit; 2]> {
        let counters = Counters::default();
        let audit =
            |files: &Attachment, which| files.table(which, &counters, &self.link.events).audit();
        self.link.with(|files| [Which::Sessions, Which::Chains].map(|which| audit(files, which)))
    }

    fn on_purges<R>(&self, call: impl FnOnce(&Attachment, Purges<'_>) -> R) -> Option<R> {
        self.link.with(|files| call(files, files.purges()))
    }
}

/// Prints only the options.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("options", self.link.options()).finish_non_exhaustive()
    }
}
