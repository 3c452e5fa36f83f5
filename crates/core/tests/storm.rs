//! All calls at the same time, through the public API. A program without the test harness, so that a sanitizer sees only
//! the cache and the threads. `STRESS_ROUNDS` is the number of rounds.

use std::collections::HashSet;
use std::process::abort;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tls_resumption_core::{
    ByteBudget, Cache, Capacity, EntryOptions, Key, ManualClock, Stats, SweepInterval,
    TicketsPerKey, Ttl,
};

/// A test that hangs has failed.
const MAX_RUN_TIME: Duration = Duration::from_secs(1200);
const THREADS: u64 = 4;
const KEYS: u64 = 40;
const MAX: u64 = 60;
const LONGEST: u64 = 700;

struct Storm {
    cache: Cache,
    clock: Arc<ManualClock>,
    serials: AtomicU64,
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }
}

/// Makes a blob with its number and its key. The rest follows from these.
fn blob(serial: u64, key: u64, len: u64) -> Vec<u8> {
    let mut random = Random(serial ^ key << 48);
    let head = serial.to_le_bytes().into_iter().chain(key.to_le_bytes());
    head.chain((0..len).map(|_| random.below(256).to_le_bytes()[0])).collect()
}

fn serial_of(found: &[u8], key: u64) -> u64 {
    let serial = u64::from_le_bytes(found[..8].try_into().unwrap());
    assert!(found == blob(serial, key, found.len() as u64 - 16), "torn or foreign bytes");
    serial
}

/// Returns the blobs that were taken.
fn any_operation(storm: &Storm, random: &mut Random) -> Option<u64> {
    let cache = &storm.cache;
    let key = random.below(KEYS);
    let name = key.to_le_bytes();
    let name = Key::new(&name).unwrap();
    match random.below(100) {
        at @ 0..40 => {
            let serial = storm.serials.fetch_add(1, Ordering::Relaxed);
            let blob = blob(serial, key, random.below(LONGEST));
            let own =
                EntryOptions::default().with_ttl(Ttl::new(Duration::from_millis(random.below(60))));
            let stored =
                if at < 20 { cache.put(name, &blob, own) } else { cache.add(name, &blob, own) };
            stored.unwrap();
        }
        40..60 => {
            let found = cache.get(name)?;
            serial_of(&found, key);
        }
        60..75 => return cache.take(name).map(|blob| serial_of(&blob, key)),
        75..90 => return cache.offer(name).map(|blob| serial_of(&blob, key)),
        90..93 => {
            cache.remove(name);
        }
        93 => {
            let _ = cache.contains(name);
        }
        94 if random.below(20) == 0 => cache.clear(),
        95 => {
            cache.sweep();
        }
        96..98 => storm.clock.advance(Duration::from_millis(1)),
        _ => {
            assert!(cache.len() as u64 <= MAX && cache.bytes() <= cache.options().max_bytes.get());
        }
    }
    None
}

fn main() {
    let asked = std::env::var("STRESS_ROUNDS").ok();
    let rounds: u64 = asked.map_or(20_000, |rounds| rounds.parse().expect("a number of rounds"));
    let over = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let over = Arc::clone(&over);
        move || {
            thread::sleep(MAX_RUN_TIME);
            if !over.load(Ordering::SeqCst) {
                eprintln!("hung");
                abort();
            }
        }
    });
    let clock = Arc::new(ManualClock::new());
    let builder = Cache::builder()
        .max(Capacity::new(MAX).unwrap())
        .max_bytes(ByteBudget::new(20_000).unwrap())
        .tickets_per_key(TicketsPerKey::new(3).unwrap())
        .single_use(true)
        .sweep_interval(SweepInterval::new(Duration::from_millis(1)))
        .clock(clock.clone());
    let storm = Storm { cache: builder.build(), clock, serials: AtomicU64::new(1) };
    let handed_out: Vec<u64> = thread::scope(|scope| {
        let work = |seed| {
            let (mut random, storm) = (Random(seed), &storm);
            move || (0..rounds).filter_map(|_| any_operation(storm, &mut random)).collect()
        };
        let workers: Vec<thread::ScopedJoinHandle<'_, Vec<u64>>> =
            (1..=THREADS).map(|seed| scope.spawn(work(seed << 32))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let different: HashSet<&u64> = handed_out.iter().collect();
    assert_eq!(different.len(), handed_out.len(), "a blob was taken twice");
    storm.cache.clear();
    let Stats { sets, takes, deletes, replaced, cleared, evictions, expirations, .. } =
        storm.cache.stats();
    assert_eq!((storm.cache.len(), storm.cache.bytes()), (0, 0));
    assert_eq!(takes, handed_out.len() as u64);
    assert_eq!(sets, takes + deletes + replaced + cleared + evictions + expirations);
    over.store(true, Ordering::SeqCst);
    println!("{sets} stored, {takes} handed out once each");
}
