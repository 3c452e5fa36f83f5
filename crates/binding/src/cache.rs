//! Opens and closes caches, and has the operations on a whole cache.

use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Result, retain_current_module_for_unload_safety};
use napi_derive::napi;
use tls_resumption_core::{
    Builder, ByteBudget, Cache, Capacity, LockedMemory, MaxSession, Memory, Options, SegmentKind,
    SegmentOptions, Stats, SweepInterval, TicketsPerKey, Ttl,
};

use crate::handles;
use crate::napi::errors;
use crate::registry::Registry;
use crate::shared_file::{FileProblem, SharedFile};

static NAMES: Registry<Cache> = Registry::new();

/// The options of the facade. A missing field takes the default, or the value of the open cache.
#[napi(object)]
pub struct OpenOptions {
    /// The name under which all threads share the cache. Without one it is private to the handle.
    pub name: Option<String>,
    /// The path of the file by which processes share the cache.
    pub path: Option<String>,
    /// With a path: whether its sessions are those that servers hand out.
    pub is_for_servers: Option<bool>,
    /// With a path: bytes of a session, 1024 to 2^20.
    pub max_session: Option<f64>,
    /// Keeps a named cache when its last handle closes.
    pub resident: Option<bool>,
    /// Sessions, 1 to 100 million.
    pub max: Option<f64>,
    /// Bytes of blobs, 1 to 2^37 - 1.
    pub max_size: Option<f64>,
    /// Milliseconds.
    pub ttl: Option<f64>,
    /// Milliseconds between background sweeps; 0 for none.
    pub sweep_interval: Option<f64>,
    /// Entries kept for one key, 1 to 255.
    pub tickets_per_peer: Option<f64>,
    /// Whether offering a ticket removes it.
    pub single_use: Option<bool>,
}

/// Counters since the cache was made, and its size now.
#[napi(object)]
pub struct CacheStats {
    pub hits: f64,
    pub misses: f64,
    pub sets: f64,
    pub takes: f64,
    pub deletes: f64,
    pub replaced: f64,
    pub cleared: f64,
    pub evictions: f64,
    pub expirations: f64,
    pub rejected: f64,
    pub sweeps: f64,
    pub size: f64,
    pub bytes: f64,
    pub memory: CacheMemory,
}

/// The memory of the blobs.
#[napi(object)]
pub struct CacheMemory {
    /// Bytes.
    pub used: f64,
    /// Bytes that are kept out of swap space.
    pub locked: f64,
    pub excluded_from_core_dumps: bool,
    /// The highest node that an entry has used.
    pub highest_node: f64,
}

/// The handle of an opened cache, or the reason why there is none.
#[napi(object)]
pub struct Opened {
    /// 0 if the cache of that name has other options.
    pub handle: u32,
    /// Every option that contradicts the open cache, with both values.
    pub contradictions: Vec<String>,
    /// True if the cache gives each session away once.
    pub single_use: bool,
    /// Why the file was not opened. The handle is 0 then.
    pub problem: Option<FileProblem>,
}

impl Opened {
    pub fn contradicted(contradictions: Vec<String>) -> Self {
        Self { handle: 0, contradictions, single_use: false, problem: None }
    }

    pub fn failed(problem: FileProblem) -> Self {
        Self { problem: Some(problem), ..Self::contradicted(Vec::new()) }
    }
}

/// Opens a cache for the calling thread.
#[napi(catch_unwind)]
pub fn open(env: Env, options: OpenOptions) -> Result<Opened> {
    // The background thread outlives the worker that made Node load this library. If Node unloaded it then, the thread
    // would run code that is gone.
    retain_current_module_for_unload_safety();
    let asked = Asked::parse(&options)?;
    if let Some(path) = &options.path {
        let opened = SharedFile::open(
            asked.segment(path, &options)?,
            &format!("{:?}", options.ttl),
            asked.builder(),
        );
        return Ok(match opened {
            Ok(file) => {
                let single_use = file.sessions.options().single_use;
                let handle = handles::insert_file(env, file)?;
                Opened { handle, single_use, ..Opened::contradicted(Vec::new()) }
            }
            Err(error) => Opened::failed(error.into()),
        });
    }
    let opened = match &options.name {
        None => Ok(Arc::new(asked.build()?)),
        Some(name) => NAMES.open(
            name,
            options.resident.unwrap_or(false),
            || asked.build(),
            |open| asked.check(open.options()),
        )?,
    };
    Ok(match opened {
        Ok(cache) => {
            let single_use = cache.options().single_use;
            let handle = handles::insert(env, cache)?;
            Opened { handle, contradictions: Vec::new(), single_use, problem: None }
        }
        Err(contradictions) => Opened::contradicted(contradictions),
    })
}

/// Closes a handle. Does nothing if it is not open.
#[napi(catch_unwind)]
pub fn close(env: Env, handle: u32) -> Result<()> {
    handles::remove_file(env, handle)?;
    handles::remove::<Cache>(env, handle).map(drop)
}

/// Removes all entries.
#[napi(catch_unwind)]
pub fn clear(env: Env, handle: u32) -> Result<()> {
    handles::with(env, handle, |cache: &Cache| {
        cache.clear();
        Ok(())
    })
}

/// Removes expired entries and returns how many.
#[napi(catch_unwind)]
pub fn sweep(env: Env, handle: u32) -> Result<u32> {
    handles::with(env, handle, |cache: &Cache| Ok(saturate(cache.sweep())))
}

/// Limits the memory that all caches of the process keep out of swap space: bytes, or a percentage of what the system permits.
#[napi(catch_unwind)]
pub fn limit_locked_memory(limit: f64, is_percent: bool) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let limit = if is_percent {
        LockedMemory::Percent(limit as u8)
    } else {
        LockedMemory::Bytes(limit as u64)
    };
    tls_resumption_core::limit_locked_memory(limit);
}

/// Returns the counters and gauges.
#[napi(catch_unwind)]
pub fn stats(env: Env, handle: u32) -> Result<CacheStats> {
    handles::with(env, handle, |cache: &Cache| Ok(to_js(cache.stats(), cache.memory())))
}

/// Returns the number of entries.
#[napi(catch_unwind)]
pub fn size(env: Env, handle: u32) -> Result<u32> {
    handles::with(env, handle, |cache: &Cache| Ok(saturate(cache.len())))
}

/// The parsed options.
struct Asked {
    max: Option<Capacity>,
    max_size: Option<ByteBudget>,
    ttl: Option<Ttl>,
    sweep_interval: Option<Option<SweepInterval>>,
    tickets_per_peer: Option<TicketsPerKey>,
    single_use: Option<bool>,
}

impl Asked {
    fn parse(options: &OpenOptions) -> Result<Self> {
        Ok(Self {
            max: number("max", options.max, Capacity::new)?,
            max_size: number("maxSize", options.max_size, ByteBudget::new)?,
            ttl: number("ttl", options.ttl, millis(Ttl::new))?,
            sweep_interval: match options.sweep_interval {
                Some(0.0) => Some(None),
                interval => {
                    number("sweepInterval", interval, millis(SweepInterval::new))?.map(Some)
                }
            },
            tickets_per_peer: number(
                "ticketsPerPeer",
                options.tickets_per_peer,
                TicketsPerKey::new,
            )?,
            single_use: options.single_use,
        })
    }

    fn build(&self) -> Result<Cache> {
        self.builder().try_build().map_err(errors::build)
    }

    fn segment(&self, path: &str, options: &OpenOptions) -> Result<SegmentOptions> {
        let kind = match options.is_for_servers {
            Some(true) => SegmentKind::Servers,
            _ => SegmentKind::Clients,
        };
        let max_session = number("maxSession", options.max_session, MaxSession::new)?;
        Ok(SegmentOptions::new(path, kind)
            .with_max(self.max)
            .with_max_session(max_session)
            .with_single_use(self.single_use))
    }

    fn builder(&self) -> Builder {
        let mut builder = Cache::builder();
        if let Some(max) = self.max {
            builder = builder.max(max);
        }
        if let Some(max_size) = self.max_size {
            builder = builder.max_bytes(max_size);
        }
        if let Some(ttl) = self.ttl {
            builder = builder.ttl(ttl);
        }
        if let Some(interval) = self.sweep_interval {
            builder = builder.sweep_interval(interval);
        }
        if let Some(tickets) = self.tickets_per_peer {
            builder = builder.tickets_per_key(tickets);
        }
        if let Some(single_use) = self.single_use {
            builder = builder.single_use(single_use);
        }
        builder
    }

    /// Returns every given option that contradicts the open cache, with both values.
    fn check(&self, open: &Options) -> std::result::Result<(), Vec<String>> {
        fn compare<T: PartialEq + Copy>(
            option: &str,
            asked: Option<T>,
            open: T,
            show: fn(T) -> u64,
        ) -> Option<String> {
            let asked = asked.filter(|asked| *asked != open)?;
            Some(format!("{option} is {}, asked for {}", show(open), show(asked)))
        }
        let contradictions: Vec<String> = [
            compare("max", self.max, open.max, |max| max.get().into()),
            compare("maxSize", self.max_size, open.max_bytes, ByteBudget::get),
            compare("ttl", self.ttl, open.ttl, |ttl| to_millis(ttl.get())),
            compare("sweepInterval", self.sweep_interval, open.sweep_interval, |interval| {
                interval.map_or(0, |interval| to_millis(interval.get()))
            }),
            compare("ticketsPerPeer", self.tickets_per_peer, open.tickets_per_key, |tickets| {
                tickets.get().into()
            }),
            self.single_use
                .filter(|asked| *asked != open.single_use)
                .map(|asked| format!("singleUse is {}, asked for {asked}", open.single_use)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if contradictions.is_empty() { Ok(()) } else { Err(contradictions) }
    }
}

/// Converts a count or an offset. None is so large that it is cut off.
pub fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Makes a parser of milliseconds.
pub fn millis<T>(parse: impl Fn(Duration) -> Option<T>) -> impl Fn(u64) -> Option<T> {
    move |millis| parse(Duration::from_millis(millis))
}

/// Returns whole milliseconds.
pub fn to_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Parses an integer from JavaScript into the type that knows its range.
pub fn number<T>(
    name: &str,
    given: Option<f64>,
    parse: impl Fn(u64) -> Option<T>,
) -> Result<Option<T>> {
    let Some(given) = given else { return Ok(None) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just above"
    )]
    let parsed = if given >= 0.0 && given.fract() == 0.0 { parse(given as u64) } else { None };
    parsed.map(Some).ok_or_else(|| errors::out_of_range(name, "a whole number in its range"))
}

#[expect(clippy::cast_precision_loss, reason = "a counter takes centuries to reach 2^53")]
fn to_js(stats: Stats, memory: Memory) -> CacheStats {
    CacheStats {
        hits: stats.hits as f64,
        misses: stats.misses as f64,
        sets: stats.sets as f64,
        takes: stats.takes as f64,
        deletes: stats.deletes as f64,
        replaced: stats.replaced as f64,
        cleared: stats.cleared as f64,
        evictions: stats.evictions as f64,
        expirations: stats.expirations as f64,
        rejected: stats.rejected as f64,
        sweeps: stats.sweeps as f64,
        size: stats.size as f64,
        bytes: stats.bytes as f64,
        memory: CacheMemory {
            used: memory.used as f64,
            locked: memory.locked as f64,
            excluded_from_core_dumps: memory.excluded_from_core_dumps,
            highest_node: memory.highest_node as f64,
        },
    }
}
