//! Processes share one segment while they are killed, replaced at once, suspended and continued, and while the files are
//! removed, made again, and overwritten by another program. `CHAOS_SECONDS` says for how long; the default is 15.
//!
//! Every session that is read is intact and belongs to its key, and none is taken twice. At the end the processes are
//! suspended, not killed: then no slot is stuck beyond those that they change at that moment. When they have ended, no slot
//! is busy, and every empty one is zero.

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
mod chaos {
    use std::collections::HashSet;
    use std::fs::{self, File};
    use std::io::{Read, Write};
    use std::os::unix::fs::{FileExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use tls_resumption_core::{
        Cache, Capacity, EntryOptions, Key, Leadership, Segment, SegmentErrorKind, SegmentKind,
        SegmentOptions, TicketsPerKey, Ttl,
    };

    const PROCESSES: usize = 6;
    /// Few, so that the processes meet.
    const KEYS: u64 = 24;
    const MAX: u64 = 20;
    /// In two parts of a payload.
    const LONGEST: u64 = 2600;
    const WORKER: &str = "CHAOS_WORKER";

    pub(crate) fn main() {
        match std::env::var(WORKER) {
            Ok(folder) => work(Path::new(&folder)),
            Err(_) => coordinate(),
        }
    }

    /// A generator of random numbers (`SplitMix64`).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        }

        fn below(&mut self, limit: u64) -> u64 {
            self.next() % limit
        }
    }

    /// Makes a session that says what it is: its key, a number that no other session has, and bytes that follow from both.
    fn session(key: u64, number: u64, len: u64) -> Vec<u8> {
        let mut blob = Vec::new();
        blob.extend(key.to_le_bytes());
        blob.extend(number.to_le_bytes());
        let mut content = Random(key ^ number);
        while (blob.len() as u64) < len.max(16) {
            blob.extend(content.next().to_le_bytes());
        }
        blob
    }

    /// Returns the number of a session. Ends the process if it is not a session of the key.
    fn check(key: u64, blob: &[u8]) -> u64 {
        let word = |at: usize| {
            blob.get(at..at + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
        };
        let number = word(8).unwrap_or_default();
        if word(0) != Some(key) || session(key, number, blob.len() as u64) != blob {
            eprintln!("a torn session of key {key}: {blob:02x?}");
            std::process::exit(99);
        }
        number
    }

    fn options(folder: &Path) -> SegmentOptions {
        SegmentOptions::new(folder.join("cache"), SegmentKind::Clients)
            .with_max(Capacity::new(MAX))
            .with_single_use(true)
    }

    fn open(folder: &Path) -> Segment {
        // The path may be occupied by another program at this moment.
        loop {
            if let Ok(segment) = Segment::open(options(folder)) {
                return segment;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Makes random calls until the coordinator closes the standard input.
    fn work(folder: &Path) {
        let id = std::process::id();
        let mut random =
            Random(u64::from(id) << 32 | u64::from(Instant::now().elapsed().subsec_nanos()));
        // Some ask for other options first.
        if random.below(4) == 0 {
            let other = options(folder).with_single_use(false);
            if let Err(error) = Segment::open(other) {
                assert_ne!(error.kind(), SegmentErrorKind::System, "{error}");
            }
        }
        let (taken, calls) = (format!("taken-{id}"), format!("calls-{id}"));
        let mut taken = File::options().create(true).append(true).open(folder.join(taken)).unwrap();
        let calls = File::create(folder.join(calls)).unwrap();
        let segment = open(folder);
        let builder = Cache::builder().sweep_interval(None);
        let tickets = TicketsPerKey::new(1 + random.below(8)).unwrap();
        let sessions = segment.sessions(builder.tickets_per_key(tickets));
        let chains = segment.chains();
        // No call of the loop waits, so the end is noticed in time.
        let stopped = std::thread::spawn(|| std::io::stdin().read(&mut [0]));
        let mut number = u64::from(id) << 32 | (random.next() & 0xffff) << 16;
        for count in 0_u64.. {
            if count % 64 == 0 {
                calls.write_all_at(&count.to_le_bytes(), 0).unwrap();
                if stopped.is_finished() {
                    break;
                }
            }
            let key = random.below(KEYS);
            let name = key.to_le_bytes();
            let of = Key::new(&name).unwrap();
            match random.below(1000) {
                0..550 => {
                    number += 1;
                    let blob = session(key, number, random.below(LONGEST));
                    let ttl = Ttl::new(Duration::from_millis(1 + random.below(3000)));
                    let own =
                        EntryOptions::default().with_ttl(ttl).with_reusable(random.below(2) == 0);
                    let _ = if random.below(2) == 0 {
                        sessions.put(of, &blob, own)
                    } else {
                        sessions.add(of, &blob, own)
                    };
                }
                550..700 => {
                    if let Some(blob) = sessions.take(of) {
                        let number = check(key, &blob);
                        taken.write_all(&number.to_le_bytes()).unwrap();
                    }
                }
                700..850 => drop(sessions.offer(of).map(|blob| check(key, &blob))),
                850..930 => drop(sessions.get(of).map(|blob| check(key, &blob))),
                930..950 => sessions.settle(of),
                950..960 => drop(sessions.remove(of)),
                960..963 => drop(sessions.sweep()),
                963..964 => sessions.clear(),
                964..970 => {
                    if let Leadership::Leads(lease) = sessions.lead(of, Duration::from_millis(50)) {
                        let _ = sessions.release(of, lease, true);
                    }
                }
                970..985 => drop(chains.put(of, &session(key, key, 3000), EntryOptions::default())),
                _ => drop(chains.get(of).map(|blob| check(key, &blob))),
            }
        }
    }

    fn start(folder: &Path) -> Child {
        let program = std::env::current_exe().unwrap();
        Command::new(program).env(WORKER, folder).stdin(Stdio::piped()).spawn().unwrap()
    }

    fn signal(child: &Child, signal: libc::c_int) {
        let process = libc::pid_t::try_from(child.id()).unwrap();
        // SAFETY: the process is a child that was not waited for, so the number is still its own.
        unsafe { libc::kill(process, signal) };
    }

    /// Something that another program does to a file. Mostly nothing.
    fn disturb(folder: &Path, random: &mut Random) -> bool {
        let path =
            if random.below(2) == 0 { folder.join("cache") } else { folder.join("cache.v2") };
        match random.below(300) {
            0 => {
                let _ = fs::remove_file(&path);
            }
            1 => {
                if let Ok(file) = File::options().write(true).open(&path) {
                    let _ = file.set_len(random.below(100_000));
                }
                // Otherwise the processes find no file that they can use.
                let _ = fs::remove_file(&path);
            }
            2 => {
                let _ = fs::remove_file(&path);
                let mut new = File::options();
                if let Ok(mut file) = new.write(true).create_new(true).mode(0o600).open(&path) {
                    let _ = file.write_all(&vec![0xa5; 1 << 16]);
                }
                std::thread::sleep(Duration::from_millis(20));
                let _ = fs::remove_file(&path);
            }
            _ => return false,
        }
        true
    }

    fn coordinate() {
        let seconds = std::env::var("CHAOS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
        let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(15));
        let folder = PathBuf::from(format!("/dev/shm/tls-resumption-chaos-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let mut random = Random(u64::from(std::process::id()));
        let mut workers: Vec<Child> = (0..PROCESSES).map(|_| start(&folder)).collect();
        let (mut kills, mut suspensions, mut disturbances) = (0, 0, 0);
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(random.below(12)));
            let at = usize::try_from(random.below(PROCESSES as u64)).unwrap();
            if random.below(3) == 0 {
                signal(&workers[at], libc::SIGSTOP);
                std::thread::sleep(Duration::from_millis(random.below(10)));
                signal(&workers[at], libc::SIGCONT);
                suspensions += 1;
            } else {
                signal(&workers[at], libc::SIGKILL);
                let killed = std::mem::replace(&mut workers[at], start(&folder));
                expect_killed(killed);
                kills += 1;
            }
            disturbances += u32::from(disturb(&folder, &mut random));
        }
        let segment = open(&folder);
        let sessions = segment.sessions(Cache::builder().sweep_interval(None));
        // Each process follows the path within a second.
        std::thread::sleep(Duration::from_millis(1500));
        for worker in &workers {
            signal(worker, libc::SIGSTOP);
        }
        std::thread::sleep(Duration::from_millis(50));
        let _ = (sessions.sweep(), segment.chains().sweep());
        let suspended = segment.audit().expect("the files are there");
        for worker in &mut workers {
            signal(worker, libc::SIGCONT);
            drop(worker.stdin.take());
        }
        for mut worker in workers {
            assert!(worker.wait().unwrap().success(), "a process ended with an error");
        }
        let _ = (sessions.sweep(), segment.chains().sweep());
        let ended = segment.audit().expect("the files are there");

        let (mut calls, mut all, mut taken) = (0, HashSet::new(), 0_usize);
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with("cache") {
                continue;
            }
            let content = fs::read(entry.path()).unwrap();
            let words = content.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            if name.starts_with("calls") {
                calls += words.sum::<u64>();
            } else {
                taken += words.clone().count();
                all.extend(words);
            }
        }
        fs::remove_dir_all(&folder).unwrap();
        println!(
            "{kills} kills, {suspensions} suspensions, {disturbances} disturbances of files, {calls} calls, {taken} sessions taken; \
             suspended: {suspended:?}; ended: {ended:?}; {:?}",
            segment.info().map(|info| (info.recovered, info.damaged))
        );
        assert_eq!(all.len(), taken, "a session was taken twice");
        let busy: usize = suspended.iter().map(|audit| audit.busy).sum();
        assert!(busy <= PROCESSES, "slots are stuck");
        assert!(ended.iter().all(|audit| audit.busy == 0 && audit.not_wiped == 0));
        assert!(kills > 20 && calls > 10_000 && taken > 100, "too little happened");
        println!("test result: ok. 1 passed; 0 failed");
    }

    /// Fails if the process ended before it was killed.
    fn expect_killed(mut child: Child) {
        use std::os::unix::process::ExitStatusExt;
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL), "a process ended by itself: {status}");
    }
}

fn main() {
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
    chaos::main();
}
