//! The files of a segment that a process has open: one mapping and one owner number for all of its threads.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use siphasher::sip128::SipHasher13;

use crate::Key;
use crate::segment::control::purges::Purges;
use crate::segment::control::ticket_ring::TicketRing;
use crate::segment::files::{ControlFile, SessionFile};
use crate::segment::layout::{MARKS, PURGES, Part, RING, marks};
use crate::segment::table::{Allocate, Events, Hash, Marks, Table};
use crate::segment::{SegmentError, SegmentOptions};
use crate::store::counters::Counters;

/// The attachments of the process, so that all segments of one file share an attachment.
static ATTACHED: Mutex<Vec<Weak<Attachment>>> = Mutex::new(Vec::new());

/// Both files of a segment, open and mapped.
pub(crate) struct Attachment {
    pub(crate) control: Arc<ControlFile>,
    pub(crate) sessions: SessionFile,
    hash_key: [u8; 16],
    hasher: SipHasher13,
    shares_boot_time: bool,
}

/// One of the tables of a session file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Sessions,
    Chains,
}

impl Attachment {
    /// Attaches the process to the files that the path names now. Makes them if there are none.
    pub(crate) fn open(options: &SegmentOptions) -> Result<Arc<Self>, SegmentError> {
        // The lock keeps two threads from attaching twice, and is held only while files are opened.
        let mut attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        attached.retain(|attachment| attachment.strong_count() > 0);
        let found = attached.iter().filter_map(Weak::upgrade).find(|found| {
            found.has_layout(options.layout)
                && found.control.is_at(&options.path)
                && found.is_current()
        });
        if let Some(found) = found {
            found.control.check(options)?;
            return Ok(found);
        }
        let control = ControlFile::shared(options)?;
        let sessions = SessionFile::open(&control, options.layout)?;
        let new = Arc::new(Self::new(control, sessions));
        new.recover();
        attached.push(Arc::downgrade(&new));
        Ok(new)
    }

    fn new(control: Arc<ControlFile>, sessions: SessionFile) -> Self {
        let hash_key = control.hash_key();
        let hasher = SipHasher13::new_with_key(&hash_key);
        let shares_boot_time = control.shares_boot_time();
        Self { control, sessions, hash_key, hasher, shares_boot_time }
    }

    /// Recovers what dead processes left, so that their secrets do not stay.
    fn recover(&self) {
        let (counters, events) = (Counters::default(), Events::default());
        for which in [Which::Sessions, Which::Chains] {
            self.table(which, &counters, &events).recover_all();
        }
    }

    /// True if the path still names these files, and they are whole.
    pub(crate) fn is_current(&self) -> bool {
        self.control.is_current() && self.sessions.is_current()
    }

    fn has_layout(&self, layout: u64) -> bool {
        self.sessions.version == layout
    }

    /// True if a file was truncated.
    pub(crate) fn is_dead(&self) -> bool {
        self.control.is_dead() || self.sessions.mapping.is_dead()
    }

    pub(crate) fn shares_boot_time(&self) -> bool {
        self.shares_boot_time
    }

    pub(crate) fn hash(&self, key: Key<'_>) -> Hash {
        let hash = self.hasher.hash(key.as_bytes());
        Hash { high: hash.h1, low: hash.h2 }
    }

    /// Returns the hash of a name, for the words of the control file.
    pub(crate) fn hash_name(&self, name: &[u8]) -> u64 {
        self.hasher.hash(name).h1
    }

    /// Returns the purge counters.
    pub(crate) fn purges(&self) -> Purges<'_> {
        let total = &self.control.region(MARKS)[marks::PURGES_TOTAL];
        Purges::new(self.control.region(PURGES), total)
    }

    /// Returns the ring of ticket keys, which may not have been opened.
    pub(crate) fn ring(&self) -> TicketRing<'_, ControlFile> {
        TicketRing::new(self.control.region(RING), &self.control, &self.hash_key)
    }

    pub(crate) fn table<'a>(
        &'a self,
        which: Which,
        counters: &'a Counters,
        events: &'a Events,
    ) -> Table<'a, ControlFile, SessionFile> {
        Table {
            words: &self.sessions.mapping,
            part: self.part(which),
            marks: Marks(self.control.region(MARKS)),
            owners: &self.control,
            memory: &self.sessions,
            counters,
            events,
            is_clearable: which == Which::Sessions,
        }
    }

    fn part(&self, which: Which) -> &Part {
        match which {
            Which::Sessions => &self.sessions.layout.sessions,
            Which::Chains => &self.sessions.layout.chains,
        }
    }
}

impl Allocate for SessionFile {
    fn allocate(&self, from: usize, words: usize) -> bool {
        Self::allocate(self, from, words)
    }
}
