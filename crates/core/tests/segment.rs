//! The segment, through the public API, in one process.
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]

#[path = "fuzzed/segment.rs"]
mod fuzzed;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tls_resumption_core::{
    Builder, Cache, Capacity, EntryOptions, Key, Leadership, ManualClock, MaxSession, Outcome,
    Permission, Rejected, Segment, SegmentErrorKind, SegmentKind, SegmentOptions, TicketsPerKey,
    Ttl,
};

/// A folder on tmpfs that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let path = format!("/dev/shm/tls-resumption-it-{}-{serial}", std::process::id());
        fs::create_dir(&path).unwrap();
        Self(path.into())
    }

    fn path(&self) -> PathBuf {
        self.0.join("cache")
    }

    fn options(&self) -> SegmentOptions {
        SegmentOptions::new(self.path(), SegmentKind::Clients).with_max(Capacity::new(100))
    }

    fn open(&self) -> Segment {
        Segment::open(self.options()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn builder() -> Builder {
    Cache::builder().sweep_interval(None)
}

fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes()).unwrap()
}

fn put(cache: &Cache, name: &str, blob: &[u8]) {
    cache.put(key(name), blob, EntryOptions::default()).unwrap();
}

#[test]
fn sessions_outlive_all_handles_and_are_shared_by_all() {
    let folder = Folder::new();
    let segment = folder.open();
    let sessions = segment.sessions(builder());
    put(&sessions, "a", b"first");
    let (other, id) = (folder.open().sessions(builder()), segment.file_id());
    assert_eq!(other.get(key("a")).as_deref(), Some(&b"first"[..]));
    assert_eq!(segment.info().unwrap().processes, [std::process::id()], "a process has one number");
    drop((segment, sessions, other));

    let segment = folder.open();
    let sessions = segment.sessions(builder());
    assert_eq!((segment.file_id(), sessions.len(), sessions.bytes()), (id, 1, 5));
    assert_eq!(sessions.take(key("a")).as_deref(), Some(&b"first"[..]));
    assert!(sessions.is_empty() && sessions.get(key("a")).is_none());
    let stats = sessions.stats();
    assert_eq!((stats.hits, stats.misses, stats.takes, stats.sets), (1, 1, 1, 0));
}

#[test]
fn the_options_of_the_file_hold() {
    let folder = Folder::new();
    let options = folder.options().with_single_use(true).with_max_session(MaxSession::new(1024));
    let segment = Segment::open(options).unwrap();
    let per_key = TicketsPerKey::new(20).unwrap();
    let sessions = segment.sessions(builder().tickets_per_key(per_key).single_use(false));
    assert!(sessions.options().single_use && sessions.options().max.get() == 100);
    for ticket in 0..20 {
        sessions.add(key("a"), &[ticket], EntryOptions::default()).unwrap();
    }
    assert_eq!(sessions.len(), 8);
    assert_eq!(sessions.offer(key("a")).as_deref(), Some(&[19][..]));
    assert_eq!(sessions.offer(key("a")).as_deref(), Some(&[18][..]));
    let large = sessions.put(key("a"), &[1; 1025], EntryOptions::default());
    assert_eq!(large, Err(Rejected::TooLarge { len: 1025, max: 1024 }));
    let error = Segment::open(folder.options().with_single_use(false)).unwrap_err();
    assert_eq!(error.kind(), SegmentErrorKind::Options);
    assert_eq!((error.expected(), error.found()), ("singleUse true", "singleUse false"));
}

#[test]
fn chains_are_kept_beside_the_sessions() {
    let folder = Folder::new();
    let segment = folder.open();
    let (sessions, chains) = (segment.sessions(builder()), segment.chains());
    let chain = vec![7; 20_000];
    chains.put(key("digest"), &chain, EntryOptions::default()).unwrap();
    put(&sessions, "a", b"session");
    assert_eq!(sessions.get(key("digest")).as_deref(), None);
    sessions.clear();
    assert_eq!((sessions.len(), sessions.stats().cleared), (0, 1));
    assert_eq!(folder.open().chains().get(key("digest")).as_deref(), Some(&chain[..]));
    let info = segment.info().unwrap();
    assert_eq!((info.sessions, info.chains, info.chain_bytes), (0, 1, 20_000));
    assert!(chains.put(key("digest"), &vec![7; (32 << 10) + 1], EntryOptions::default()).is_err());
}

#[test]
fn neighbours_share_the_pages_of_their_memory() {
    for (len, most) in [(1000, 1600), (2000, 2900), (4000, 5500)] {
        let folder = Folder::new();
        let segment = Segment::open(folder.options().with_max(Capacity::new(2000))).unwrap();
        let sessions = segment.sessions(builder());
        let empty = segment.info().unwrap().allocated_bytes;
        for number in 0..2000 {
            put(&sessions, &number.to_string(), &vec![7; len]);
        }
        let info = segment.info().unwrap();
        let each = (info.allocated_bytes - empty) / info.sessions;
        assert!(each < most, "{len} bytes take {each}");
    }
}

#[test]
fn a_large_file_is_cleared_at_once_and_wiped_in_the_background() {
    let folder = Folder::new();
    let segment = Segment::open(folder.options().with_max(Capacity::new(25_000))).unwrap();
    let (sessions, others) = (
        segment.sessions(builder()),
        Segment::open(folder.options().with_max(None)).unwrap().sessions(builder()),
    );
    for number in 0..3000 {
        put(&sessions, &number.to_string(), &[7; 100]);
    }
    sessions.clear();
    put(&others, "new", b"new");
    assert_eq!((sessions.len(), others.len()), (1, 1));
    sessions.finish_clear();
    let cleared = sessions.stats().cleared + others.stats().cleared;
    assert_eq!((cleared, segment.audit().unwrap()[0].live), (3000, 1));
    assert_eq!(others.get(key("new")).as_deref(), Some(&b"new"[..]));
}

#[test]
fn a_lifetime_ends_by_the_clock_of_the_cache() {
    let folder = Folder::new();
    let clock = Arc::new(ManualClock::new());
    let ttl = Ttl::new(Duration::from_millis(10)).unwrap();
    let sessions = folder.open().sessions(builder().ttl(ttl).clock(clock.clone()));
    put(&sessions, "a", b"session");
    clock.advance(Duration::from_millis(9));
    assert!(sessions.contains(key("a")));
    clock.advance(Duration::from_millis(1));
    assert!(!sessions.contains(key("a")));
    put(&sessions, "b", b"session");
    clock.advance(Duration::from_millis(10));
    assert_eq!((sessions.sweep(), sessions.len()), (1, 0));
}

#[test]
fn a_purge_and_a_lease_reach_every_handle() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    assert!(one.purge(b"db.example"));
    assert_eq!((other.purges(), other.purges_of(b"db.example")), (1, 1));
    drop((one, other));
    assert_eq!(folder.open().purges_of(b"db.example"), 1, "it stays in force");

    let (one, other) = (folder.open().sessions(builder()), folder.open().sessions(builder()));
    let second = Duration::from_secs(1);
    let Leadership::Leads(lease) = one.lead(key("a"), second) else { panic!("no leader") };
    assert_eq!(other.lead(key("a"), second), Leadership::Follows);
    assert!(one.release(key("a"), lease, true));
    assert!(matches!(other.lead(key("a"), second), Leadership::Leads(_)));
}

#[test]
fn a_segment_follows_its_path() {
    let folder = Folder::new();
    let segment = folder.open();
    let sessions = segment.sessions(builder());
    put(&sessions, "a", b"old");
    let old = segment.file_id();
    segment.remove_files().unwrap();
    assert!(!folder.path().exists());
    // A purge looks at the path at once, and everything else within a second.
    assert!(segment.purge(b"db.example"));
    assert!(folder.path().exists() && segment.file_id() != old);
    assert_eq!((sessions.get(key("a")).as_deref(), segment.purges()), (None, 1));
    put(&sessions, "a", b"new");

    // Only the session file was removed, by another program.
    fs::remove_file(folder.path().with_extension("v2")).unwrap();
    let current = segment.file_id();
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!((sessions.get(key("a")).as_deref(), segment.file_id()), (None, current));
    put(&sessions, "a", b"newer");
    assert_eq!(folder.open().sessions(builder()).len(), 1);

    // What is there now cannot be used.
    fs::remove_file(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    assert!(!segment.purge(b"db.example"));
    assert_eq!(segment.problem().unwrap().kind(), SegmentErrorKind::FileType);
    assert!(sessions.get(key("a")).is_none() && segment.info().is_none());
    let rejected = sessions.put(key("a"), b"x", EntryOptions::default());
    assert_eq!(rejected, Err(Rejected::NoRoom));
    fs::remove_dir(folder.path()).unwrap();
    assert!(segment.purge(b"db.example") && segment.problem().is_none());
    put(&sessions, "a", b"again");
}

#[test]
fn files_that_are_truncated_or_overwritten_under_load_crash_no_process() {
    for (extension, garbage) in [("v2", None), ("v2", Some(0xff)), ("", None), ("", Some(0xa5))] {
        let folder = Folder::new();
        let segment = folder.open();
        let sessions = segment.sessions(builder());
        let path = match extension {
            "" => folder.path(),
            extension => folder.path().with_extension(extension),
        };
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let sessions = &sessions;
                scope.spawn(move || {
                    for round in 0..2000_u32 {
                        let name = format!("{thread}-{}", round % 50);
                        let _ = sessions.put(key(&name), &[1; 1500], EntryOptions::default());
                        let _ = (sessions.get(key(&name)), sessions.offer(key(&name)));
                        let _ = sessions.take(key(&name));
                    }
                });
            }
            let file = fs::File::options().write(true).open(&path).unwrap();
            match garbage {
                None => file.set_len(100).unwrap(),
                Some(byte) => {
                    use std::os::unix::fs::FileExt;
                    file.write_all_at(&vec![byte; 1 << 16], 0).unwrap();
                }
            }
        });
        fs::remove_file(&path).unwrap();
        assert!(segment.purge(b"any"), "it makes the files again");
        put(&sessions, "a", b"new");
        assert_eq!(sessions.get(key("a")).as_deref(), Some(&b"new"[..]));
    }
}

/// The fuzz target has minutes for this.
#[test]
fn words_that_another_program_writes_cause_no_panic_and_no_damaged_session() {
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 32).to_le_bytes()
    };
    for _ in 0..100 {
        let bytes: Vec<u8> = (0..300).flat_map(|_| next()).collect();
        fuzzed::scribble(&bytes);
    }
}

/// Two versions of the package, of which one has another layout of the session file.
#[test]
fn two_versions_of_the_layout_share_purges_keys_and_failures_but_no_sessions() {
    let folder = Folder::new();
    let (old, new) = (Segment::open(folder.options().with_layout(1)).unwrap(), folder.open());
    assert_eq!(old.file_id(), new.file_id(), "one control file");
    assert_eq!(old.info().unwrap().processes, [std::process::id()], "a process has one number");
    let [olds, news] = [&old, &new].map(|segment| segment.sessions(builder()));
    put(&olds, "a", b"of the old layout");
    assert!(news.get(key("a")).is_none());
    put(&news, "a", b"of the new layout");
    put(&news, "b", b"of the new layout");
    assert_eq!(olds.get(key("a")).as_deref(), Some(&b"of the old layout"[..]));
    assert_eq!((olds.len(), news.len()), (1, 2));

    new.purge(b"a.example");
    assert_eq!((old.purges_of(b"a.example"), old.purges()), (1, 1));
    old.purge(b"a.example");
    assert_eq!((new.purges_of(b"a.example"), new.purges()), (2, 2));
    old.report(Outcome::Alerted, b"peer", b"key");
    assert_eq!(new.may_offer(b"peer", b"key"), Permission::Pause);
    assert!(matches!(olds.lead(key("c"), Duration::from_secs(1)), Leadership::Leads(_)));
    assert!(matches!(news.lead(key("c"), Duration::from_secs(1)), Leadership::Follows));
    news.clear();
    assert_eq!((olds.len(), news.len()), (0, 0), "a clear means all sessions of the path");

    // Both keep their files when they are opened again.
    put(&olds, "a", b"of the old layout");
    put(&news, "a", b"of the new layout");
    drop((old, new, olds, news));
    let (old, new) = (Segment::open(folder.options().with_layout(1)).unwrap(), folder.open());
    let [olds, news] = [&old, &new].map(|segment| segment.sessions(builder()));
    assert_eq!(olds.get(key("a")).as_deref(), Some(&b"of the old layout"[..]));
    assert_eq!(news.get(key("a")).as_deref(), Some(&b"of the new layout"[..]));
    assert_eq!(new.purges_of(b"a.example"), 2);
}
