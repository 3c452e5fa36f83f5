//! Opens caches in a file that all processes of a user share.
//!
//! The TypeScript signatures of the raw callbacks are in `src/native/addon.ts`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::Result;
use napi::sys::{napi_callback_info, napi_env, napi_value};
use napi_derive::napi;
use tls_resumption_core::{
    Builder, Cache, EntryOptions, Segment, SegmentError, SegmentInfo, SegmentKind, SegmentOptions,
    SessionAges,
};

use crate::handles;
use crate::napi::raw_callback::{Value, enter};
use crate::operations::length_of;
use crate::registry::Registry;
use crate::ticket_keys::RingKey;

/// The files that the process has open, by path and lifetime of sessions.
static OPEN: Registry<SharedFile> = Registry::new();

/// The caches of one file. All threads of the process use them.
pub struct SharedFile {
    path: String,
    is_for_servers: bool,
    pub segment: Segment,
    pub sessions: Arc<Cache>,
    chains: Cache,
    seen: Mutex<Seen>,
}

/// What was seen of the purges in the files of a path.
#[derive(Default)]
struct Seen {
    /// The file, or that there was none. `None` before the first look.
    file: Option<Option<[u8; 16]>>,
    purges: u64,
    /// The purges in earlier files, and one for each change of files.
    before: u64,
}

impl SharedFile {
    /// Opens a path. `lifetime`: what names the lifetime of the builder's sessions.
    pub fn open(
        options: SegmentOptions,
        lifetime: &str,
        builder: Builder,
    ) -> std::result::Result<Arc<Self>, SegmentError> {
        let path = options.path.to_string_lossy().into_owned();
        let is_for_servers = options.kind == SegmentKind::Servers;
        let name = format!("{lifetime} {path}");
        // Each opener's options are compared with the file.
        let segment = Segment::open(options)?;
        let make = || {
            let sessions = Arc::new(segment.sessions(builder));
            let chains = segment.chains();
            Ok::<_, SegmentError>(Self {
                path,
                is_for_servers,
                segment,
                sessions,
                chains,
                seen: Mutex::default(),
            })
        };
        let opened: std::result::Result<_, ()> = OPEN.open(&name, false, make, |_| Ok(()))?;
        let opened = opened.expect("the file has compared the options");
        lock_purged().catch_up(&opened, None);
        Ok(opened)
    }

    /// Returns a number that changes with each purge, and with each change of files.
    pub fn purges(&self) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, purges) = (Some(self.segment.file_id()), self.segment.purges());
        if file != seen.file {
            // Not for the first file, so that the number stays 0 without a purge.
            seen.before += if seen.file.is_none() { 0 } else { seen.purges + 1 };
            seen.file = file;
        }
        seen.purges = purges;
        seen.before + purges
    }

    pub fn purges_of(&self, name: &[u8]) -> u64 {
        self.segment.purges_of(name)
    }
}

/// What this process has purged, for the files that it opens later: a purge means all caches of the process.
static PURGED: LazyLock<Mutex<Purged>> = LazyLock::new(Mutex::default);

/// Stands for all peers, as in `src/key/purge-generation.ts`.
const ALL_PEERS: &[u8] = b"\0";

/// How many names are kept. With more of them, all peers are purged.
const MAX_NAMES: u64 = 256;

#[derive(Default)]
struct Purged {
    /// The first names, in order.
    names: Vec<Box<[u8]>>,
    count: u64,
    /// How many of the purges each path has.
    done: HashMap<String, u64>,
}

impl Purged {
    /// Notes a purge.
    fn add(&mut self, name: &[u8]) {
        if self.count < MAX_NAMES {
            self.names.push(name.into());
        }
        self.count += 1;
    }

    /// Purges in a file what it misses. `last`: the name of the last purge. Returns false if the file cannot be used.
    fn catch_up(&mut self, file: &SharedFile, last: Option<&[u8]>) -> bool {
        let done = self.done.get(&file.path).copied().unwrap_or(0);
        let purge = |name: &[u8]| file.segment.purge(name);
        let is_done = match last {
            // Also if another cache of the path has done it: the two may have different files of the path.
            Some(last) if done + 1 >= self.count => purge(last),
            _ if done == self.count => return true,
            _ if self.count > MAX_NAMES => purge(ALL_PEERS),
            _ => {
                let missing = self.names.iter().skip(usize::try_from(done).unwrap_or(usize::MAX));
                missing.filter(|name| !purge(name)).count() == 0
            }
        };
        if is_done {
            self.done.insert(file.path.clone(), self.count);
        }
        is_done
    }
}

fn lock_purged() -> MutexGuard<'static, Purged> {
    PURGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Purges a peer in all files that the process has open, and in those that it opens later. Returns false if a path leads to
/// no file that can be used.
pub fn purge_all(name: &[u8]) -> bool {
    // Held, so that no thread opens a file between the two steps.
    let mut purged = lock_purged();
    purged.add(name);
    let purged = RefCell::new(purged);
    let is_done = Cell::new(true);
    OPEN.for_each(|file| {
        let is_in_file = purged.borrow_mut().catch_up(file, Some(name));
        is_done.set(is_done.get() && is_in_file);
    });
    is_done.get()
}

/// Removes the sessions of all files for servers that the process has open.
pub fn clear_servers() {
    OPEN.for_each(|file| {
        if file.is_for_servers {
            file.sessions.clear();
        }
    });
}

/// What a file holds, and what this process found in it.
#[napi(object)]
pub struct FileStats {
    pub processes: f64,
    pub recovered: f64,
    pub damaged: f64,
    pub no_space: f64,
    pub poisoned: f64,
    pub allocated: f64,
    pub file_system: String,
}

impl From<SegmentInfo> for FileStats {
    #[expect(clippy::cast_precision_loss, reason = "a count takes centuries to reach 2^53")]
    fn from(info: SegmentInfo) -> Self {
        Self {
            processes: info.processes.len() as f64,
            recovered: info.recovered as f64,
            damaged: info.damaged as f64,
            no_space: info.no_space as f64,
            poisoned: info.poisoned as f64,
            allocated: info.allocated_bytes as f64,
            file_system: info.file_system.to_owned(),
        }
    }
}

/// Why a file was not opened.
#[napi(object)]
pub struct FileProblem {
    /// The name of a `SegmentErrorKind`.
    pub kind: String,
    /// The path of the file.
    pub file: String,
    pub expected: String,
    pub found: String,
}

impl From<SegmentError> for FileProblem {
    fn from(error: SegmentError) -> Self {
        Self {
            kind: format!("{:?}", error.kind()),
            file: error.path().to_string_lossy().into_owned(),
            expected: error.expected().to_owned(),
            found: error.found().to_owned(),
        }
    }
}

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
});

/// Returns a random text that only this process has. It is no secret.
#[napi(catch_unwind)]
pub fn process_token() -> String {
    TOKEN.clone()
}

/// Returns the random name of the file that the path of a cache leads to, or an empty text without one.
#[napi(catch_unwind)]
pub fn file_id(env: Env, handle: u32) -> Result<String> {
    let id = handles::file_of(env, handle)?.and_then(|file| file.segment.file_id());
    Ok(id.map_or_else(String::new, |id| format!("{:032x}", u128::from_be_bytes(id))))
}

/// Returns what the file of a cache holds. `None` if there is no file, or none that can be used.
#[napi(catch_unwind)]
pub fn file_stats(env: Env, handle: u32) -> Result<Option<FileStats>> {
    let file = handles::file_of(env, handle)?;
    Ok(file.and_then(|file| file.segment.info()).map(FileStats::from))
}

/// What a file holds.
#[napi(object)]
pub struct FileInfo {
    pub max: f64,
    pub max_session: f64,
    pub single_use: bool,
    /// Milliseconds since 1970.
    pub created: f64,
    /// The IDs of the processes that have it open.
    pub processes: Vec<u32>,
    pub sessions: f64,
    pub session_bytes: f64,
    pub chains: f64,
    pub chain_bytes: f64,
    pub allocated: f64,
    pub file_system: String,
    /// Milliseconds since the newest session was stored, since the one in the middle, and since the oldest. Empty without
    /// sessions.
    pub ages: Vec<f64>,
    pub ring: Option<RingOfFile>,
}

/// The ring of ticket keys in a file, without its secrets.
#[napi(object)]
pub struct RingOfFile {
    /// Milliseconds. 0: only by a call.
    pub rotate_every: f64,
    pub keep: u32,
    /// The active key first, then the newest.
    pub keys: Vec<RingKey>,
}

/// Returns what the file of a path holds that this process has open.
#[napi(catch_unwind)]
#[allow(clippy::cast_precision_loss, reason = "counts and sizes of memory")]
pub fn file_info(path: String) -> Option<FileInfo> {
    let found = Mutex::new(None);
    OPEN.for_each(|file| {
        if *file.path == *path {
            *found.lock().unwrap_or_else(PoisonError::into_inner) = file.segment.info();
        }
    });
    let info = found.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    Some(FileInfo {
        max: info.max.get().into(),
        max_session: info.max_session.get().into(),
        single_use: info.single_use,
        created: info.created.as_millis() as f64,
        processes: info.processes,
        sessions: info.sessions as f64,
        session_bytes: info.session_bytes as f64,
        chains: info.chains as f64,
        chain_bytes: info.chain_bytes as f64,
        allocated: info.allocated_bytes as f64,
        file_system: info.file_system.to_owned(),
        ages: info.ages.map_or_else(Vec::new, |SessionAges { newest, median, oldest }| {
            [newest, median, oldest].map(|age| age.as_millis() as f64).into()
        }),
        ring: info.ring.map(|ring| RingOfFile {
            rotate_every: ring.rotate_every.map_or(0, |every| every.get().as_millis()) as f64,
            keep: ring.keep.get().into(),
            keys: ring.keys.into_iter().map(RingKey::from).collect(),
        }),
    })
}

/// `settleOffers(handle, key)`: ends the offers of this process under the key, in the file of a cache.
pub unsafe extern "C" fn settle_offers(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, key, ..]| {
        handles::with(env, handle.handle(), |cache: &Cache| {
            key.with_key(|key| {
                cache.settle(key);
                Ok(Value::Boolean(true))
            })
        })
    })
}

/// `storeChain(handle, digest, chain)`: stores a certificate chain in the file of a cache.
pub unsafe extern "C" fn store_chain(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, digest, chain, ..]| {
        let chain = chain.bytes("chain", "a Uint8Array")?;
        let Some(file) = handles::file_of(env, handle.handle())? else {
            return Ok(Value::Boolean(false));
        };
        digest.with_key(|digest| {
            // SAFETY: the operation runs no JavaScript and only copies the chain.
            let chain = unsafe { chain.as_slice() };
            let stored = file.chains.put(digest, chain, EntryOptions::default());
            Ok(Value::Boolean(stored.is_ok()))
        })
    })
}

/// `chain(handle, digest, out)`: copies a certificate chain, and counts as a use of it.
pub unsafe extern "C" fn chain(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |env, [handle, digest, out, ..]| {
        let mut out = out.scratch("out")?;
        let Some(file) = handles::file_of(env, handle.handle())? else {
            return Ok(Value::Integer(0));
        };
        digest.with_key(|digest| {
            // SAFETY: as in `operations::read`.
            let out = unsafe { out.as_mut_slice() };
            Ok(length_of(file.chains.get_into(digest, out)))
        })
    })
}
