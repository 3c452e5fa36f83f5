//! The control file: what all processes of a segment agree on, and who they are.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use super::create::{NewFile, create, read_header, remove};
use super::mapping::Mapping;
use super::open::{failed, identify, open};
use super::own_file::OwnFile;
use super::{FileId, MAX_WAIT, owners, sys};
use crate::segment::checksum::Checksum;
use crate::segment::layout::{
    CONTROL_MAGIC, CONTROL_VERSION, CONTROL_WORDS, SessionLayout, WORD, header,
};
use crate::segment::owner::Owner;
use crate::segment::sync::{AtomicU64, Ordering};
use crate::segment::{SegmentError, SegmentErrorKind, SegmentOptions};
use crate::{Capacity, MaxSession};

const BYTES: u64 = (CONTROL_WORDS * WORD) as u64;
const HEADER_WORDS: usize = header::CHECKSUM + 1;

/// The control file of a segment, open and mapped. The process has one owner number of it.
pub(crate) struct ControlFile {
    pub(super) path: PathBuf,
    pub(super) file: OwnFile,
    pub(super) mapping: Mapping,
    pub(super) header: Header,
    pub(super) mine: Owner,
    pub(super) burying: Mutex<()>,
}

/// The header of a control file. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) file_id: [u64; 2],
    pub(crate) hash_key: [u64; 2],
    pub(crate) kind: u64,
    pub(crate) single_use: bool,
    pub(crate) max_session: MaxSession,
    pub(crate) max: Capacity,
    /// Milliseconds since 1970.
    pub(crate) created: u64,
    pub(crate) time_namespace: u64,
}

/// The control files that the process has open.
static OPEN: Mutex<Vec<Weak<ControlFile>>> = Mutex::new(Vec::new());

impl ControlFile {
    /// Opens the control file of a path, or makes it. All threads of the process share it, and so its owner number.
    pub(crate) fn shared(options: &SegmentOptions) -> Result<Arc<Self>, SegmentError> {
        // The lock keeps two threads from opening a file twice, and is held only while files are opened.
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|file| file.strong_count() > 0);
        let mut files = open.iter().filter_map(Weak::upgrade);
        if let Some(found) = files.find(|file| file.is_at(&options.path) && file.is_current()) {
            found.check(options)?;
            return Ok(found);
        }
        let new = Arc::new(Self::open(options)?);
        open.push(Arc::downgrade(&new));
        Ok(new)
    }

    /// Opens the control file of a path, or makes it, with an owner number of its own.
    pub(crate) fn open(options: &SegmentOptions) -> Result<Self, SegmentError> {
        let path = &options.path;
        if path.as_os_str().is_empty() {
            let error =
                SegmentError::new(SegmentErrorKind::Path, path, "a path", "an empty string");
            return Err(error);
        }
        let began = Instant::now();
        let mut turns = 0;
        loop {
            if let Some((file, id)) = open(path, BYTES)? {
                return Self::attach(path, file, id, options);
            }
            // On a busy machine one turn may take as long.
            if turns > 1 && began.elapsed() > MAX_WAIT {
                let (expected, found) =
                    ("a file that stays", "one that is removed again and again");
                return Err(SegmentError::new(SegmentErrorKind::Busy, path, expected, found));
            }
            turns += 1;
            let made = Header::new(path, options)?.to_words();
            // Whether this file was made or another process's, the next turn opens it.
            create(path, &NewFile { header: &made, bytes: BYTES, allocated: BYTES })?;
        }
    }

    fn attach(
        path: &Path,
        file: File,
        id: FileId,
        options: &SegmentOptions,
    ) -> Result<Self, SegmentError> {
        let header = Header::parse(path, &read_header(path, &file)?)?;
        header.check(path, options)?;
        let mapping =
            Mapping::new(&file, CONTROL_WORDS).map_err(|error| failed(path, "mmap", &error))?;
        let mine = owners::claim(path, &file, &mapping)?;
        let (path, file, burying) = (path.to_owned(), OwnFile::new(file, id), Mutex::new(()));
        Ok(Self { path, file, mapping, header, mine, burying })
    }

    /// Returns the file that the path named when this was opened.
    #[cfg(test)]
    pub(super) fn id(&self) -> FileId {
        self.file.id
    }

    /// True if that path names the file, also if it was opened under another one.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        identify(path) == Some(self.file.id)
    }

    /// Checks that the options agree with the file.
    pub(crate) fn check(&self, options: &SegmentOptions) -> Result<(), SegmentError> {
        self.header.check(&self.path, options)
    }

    /// True if a path names the file, if only another one.
    pub(crate) fn has_name(&self) -> bool {
        let found = self.file.get().and_then(|file| file.metadata().ok());
        found.is_some_and(|metadata| metadata.nlink() > 0)
    }

    /// Removes the file, if the path still names it.
    pub(crate) fn remove(&self) -> Result<(), SegmentError> {
        if identify(&self.path) == Some(self.file.id) { remove(&self.path) } else { Ok(()) }
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the key of hashes and checksums of the file.
    pub(crate) fn hash_key(&self) -> [u8; 16] {
        let [low, high] = self.header.hash_key.map(u64::to_ne_bytes);
        let mut key = [0; 16];
        key[..8].copy_from_slice(&low);
        key[8..].copy_from_slice(&high);
        key
    }

    /// Returns one region of the file, such as [`LEASES`](crate::segment::layout::LEASES).
    pub(crate) fn region(&self, region: Range<usize>) -> &[AtomicU64] {
        &self.mapping[region]
    }

    /// True if the path still names this file, the file is whole, and its descriptor is open.
    pub(crate) fn is_current(&self) -> bool {
        !self.mapping.is_dead()
            && identify(&self.path) == Some(self.file.id)
            && self.has_its_header()
            && self.file.get().is_some()
    }

    /// True if no other program has written over the header.
    fn has_its_header(&self) -> bool {
        let words = self.header.to_words();
        let is_same = |at: usize| self.mapping[at].load(Ordering::Relaxed) == words[at];
        [header::FILE_ID, header::FILE_ID + 1, header::CHECKSUM].into_iter().all(is_same)
    }

    /// Returns the name of the file system.
    pub(crate) fn file_system(&self) -> &'static str {
        let found = self.file.get().and_then(|file| sys::shared_file_system(file).ok());
        found.and_then(Result::ok).unwrap_or("unknown")
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.mapping.is_dead()
    }

    pub(crate) fn session_layout(&self) -> SessionLayout {
        let Header { max, max_session, .. } = self.header;
        SessionLayout::new(max.get() as usize, max_session.get() as usize)
    }

    /// True if `CLOCK_BOOTTIME` has the same origin for this process as for the process that made the file.
    pub(crate) fn shares_boot_time(&self) -> bool {
        self.header.time_namespace == time_namespace()
    }
}

impl Header {
    fn new(path: &Path, options: &SegmentOptions) -> Result<Self, SegmentError> {
        let mut random = [0; 32];
        if getrandom::fill(&mut random).is_err() {
            let (expected, found) = ("random bytes of the system", "none");
            return Err(SegmentError::new(SegmentErrorKind::Random, path, expected, found));
        }
        let (words, _) = random.as_chunks::<WORD>();
        let pair = |at: usize| [words[at], words[at + 1]].map(u64::from_ne_bytes);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            file_id: pair(0),
            hash_key: pair(2),
            kind: options.kind.to_bits(),
            single_use: options.single_use.unwrap_or_default(),
            max_session: options.max_session.unwrap_or_default(),
            max: options.max.unwrap_or_default(),
            created: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            time_namespace: time_namespace(),
        })
    }

    fn to_words(self) -> [u64; HEADER_WORDS] {
        let mut words = [0; HEADER_WORDS];
        words[header::MAGIC] = CONTROL_MAGIC;
        words[header::VERSION] = CONTROL_VERSION;
        words[header::FILE_ID..][..2].copy_from_slice(&self.file_id);
        words[header::HASH_KEY..][..2].copy_from_slice(&self.hash_key);
        words[header::KIND] = self.kind;
        words[header::SINGLE_USE] = self.single_use.into();
        words[header::MAX_SESSION] = self.max_session.get().into();
        words[header::MAX] = self.max.get().into();
        words[header::CREATED] = self.created;
        words[header::TIME_NAMESPACE] = self.time_namespace;
        words[header::CHECKSUM] = sum(&words);
        words
    }

    fn parse(path: &Path, words: &[u64; HEADER_WORDS]) -> Result<Self, SegmentError> {
        let error = |expected: &str, found: String| {
            SegmentError::new(SegmentErrorKind::Content, path, expected, found)
        };
        if words[header::MAGIC] != CONTROL_MAGIC {
            return Err(error("a segment", "a file of another kind".into()));
        }
        if words[header::VERSION] != CONTROL_VERSION {
            let found = format!("version {}", words[header::VERSION]);
            return Err(error("a control file of version 1", found));
        }
        let damaged = || error("an intact header", "a damaged one".into());
        if words[header::CHECKSUM] != sum(words) {
            return Err(damaged());
        }
        let pair = |at: usize| [words[at], words[at + 1]];
        Ok(Self {
            file_id: pair(header::FILE_ID),
            hash_key: pair(header::HASH_KEY),
            kind: words[header::KIND],
            single_use: words[header::SINGLE_USE] != 0,
            max_session: MaxSession::new(words[header::MAX_SESSION]).ok_or_else(damaged)?,
            max: Capacity::new(words[header::MAX]).ok_or_else(damaged)?,
            created: words[header::CREATED],
            time_namespace: words[header::TIME_NAMESPACE],
        })
    }

    /// Checks that the options agree with the file.
    fn check(&self, path: &Path, options: &SegmentOptions) -> Result<(), SegmentError> {
        let mut contradictions = Vec::new();
        let mut compare = |name: &str, file: String, asked: Option<String>| {
            if let Some(asked) = asked.filter(|asked| *asked != file) {
                contradictions.push((format!("{name} {file}"), format!("{name} {asked}")));
            }
        };
        let kind = options.kind;
        if self.kind != kind.to_bits() {
            let other = if self.kind == 1 { "clients" } else { "servers" };
            compare("kind", other.into(), Some(kind.name().into()));
        }
        let asked = options.single_use.map(|asked| asked.to_string());
        compare("singleUse", self.single_use.to_string(), asked);
        let asked = options.max_session.map(|bytes| bytes.get().to_string());
        compare("maxSession", self.max_session.get().to_string(), asked);
        let asked = options.max.map(|max| max.get().to_string());
        compare("max", self.max.get().to_string(), asked);
        if contradictions.is_empty() {
            return Ok(());
        }
        let (file, asked): (Vec<_>, Vec<_>) = contradictions.into_iter().unzip();
        let (file, asked) = (file.join(", "), asked.join(", "));
        Err(SegmentError::new(SegmentErrorKind::Options, path, file, asked))
    }
}

fn sum(words: &[u64; HEADER_WORDS]) -> u64 {
    Checksum::new().add_words(&words[..header::CHECKSUM]).finish()
}

/// Returns the inode of the process's time namespace, and 0 on systems without.
fn time_namespace() -> u64 {
    fs::metadata("/proc/self/ns/time").map_or(0, |metadata| metadata.ino())
}
