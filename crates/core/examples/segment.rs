//! Measures a segment beside a cache of the process: `cargo run --release --example segment [-- costs | memory | longest]`.
//!
//! Prints the processor time of calls, the throughput of two processes beside that of one, and the time to open a file
//! with 10,000 sessions. Then come the memory of a session, and the time of the calls that concern all sessions.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod measured {
    use std::hint::black_box;
    use std::mem::MaybeUninit;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use tls_resumption_core::{
        Cache, Capacity, EntryOptions, Key, Segment, SegmentKind, SegmentOptions,
    };

    const KEYS: u64 = 10_000;
    const BLOB: usize = 1000;
    const WORKER: &str = "SEGMENT_WORKER";
    /// How many seconds of processor time each process of a comparison uses.
    const WORK: f64 = 1.5;

    pub(crate) fn main() {
        match std::env::var(WORKER) {
            Ok(path) => work(path),
            Err(_) => compare(),
        }
    }

    fn open(path: impl Into<PathBuf>) -> Segment {
        let options = SegmentOptions::new(path.into(), SegmentKind::Clients);
        Segment::open(options).expect("a file on tmpfs can be made")
    }

    fn compare() {
        let path = format!("/dev/shm/tls-resumption-measured-{}", std::process::id());
        let part = std::env::args().nth(1);
        let is_asked = |name| part.as_deref().is_none_or(|part| part == name);
        if is_asked("costs") {
            compare_costs(&path);
        }
        if part.is_none() {
            opening(&path);
            processes(&path);
        }
        if is_asked("costs") {
            open(&path).remove_files().expect("they are there");
        }
        if is_asked("longest") {
            longest(&path);
        }
        if is_asked("memory") {
            for bytes in [500, 1000, 1500, 2000, 2500, 4000] {
                let each = resident(&path, bytes);
                println!("sessions of {bytes} bytes: {each:.0} bytes of memory each");
            }
        }
    }

    /// Prints the processor time of calls on 100,000 sessions.
    fn longest(path: &str) {
        let options =
            SegmentOptions::new(path, SegmentKind::Clients).with_max(Capacity::new(100_000));
        let segment = Segment::open(options).expect("a file on tmpfs can be made");
        let sessions = segment.sessions(Cache::builder());
        for number in 0..100_000 {
            put(&sessions, number, &[7; 200]);
        }
        let time = |name: &str, count: usize, call: &dyn Fn()| {
            let mut times: Vec<f64> = (0..count).map(|_| time_of(call) * 1e3).collect();
            times.sort_by(f64::total_cmp);
            println!("{name} of 100,000 sessions: {:.2} ms (median of {count})", times[count / 2]);
        };
        time("len", 9, &|| _ = black_box(sessions.len()));
        time("stats", 9, &|| _ = black_box(sessions.stats()));
        time("info", 9, &|| _ = black_box(segment.info()));
        time("clear", 1, &|| sessions.clear());
        segment.remove_files().expect("they are there");
    }

    fn time_of(call: &dyn Fn()) -> f64 {
        let before = processor_time();
        call();
        processor_time() - before
    }

    fn compare_costs(path: &str) {
        let shared = open(path).sessions(Cache::builder());
        let own = Cache::builder().build();
        println!("nanoseconds of processor time for a call, 10,000 keys of 1,000 bytes");
        for round in 0..3 {
            let (own, shared) = (costs(&own), costs(&shared));
            for ((name, own), (_, shared)) in own.into_iter().zip(shared) {
                let ratio = shared / own;
                println!(
                    "{round} {name:14} process {own:6.0}  segment {shared:6.0}  ratio {ratio:.2}"
                );
            }
        }
    }

    /// Returns the bytes of memory of the session file for each of 10,000 sessions, those of free slots included.
    fn resident(path: &str, bytes: usize) -> f64 {
        let segment = open(path);
        let sessions = segment.sessions(Cache::builder());
        for number in 0..KEYS {
            put(&sessions, number, &vec![7; bytes]);
        }
        let info = segment.info().expect("there are files");
        segment.remove_files().expect("they are there");
        #[expect(clippy::cast_precision_loss, reason = "of small numbers")]
        let each = info.allocated_bytes as f64 / info.sessions as f64;
        each
    }

    fn costs(cache: &Cache) -> [(&'static str, f64); 4] {
        let mut out = [0; 2048];
        let blob = [7; BLOB];
        for number in 0..KEYS {
            put(cache, number, &blob);
        }
        let get = cost(|number| {
            let _ = black_box(cache.get_into(key(&name(number)), &mut out));
        });
        let hot = cost(|_| {
            let _ = black_box(cache.get_into(key(&name(7)), &mut out));
        });
        let take_put = cost(|number| {
            let _ = black_box(cache.take_into(key(&name(number)), &mut out));
            put(cache, number, &blob);
        });
        let offer = cost(|number| {
            let _ = black_box(cache.offer_into(key(&name(number)), &mut out));
            cache.settle(key(&name(number)));
        });
        [("get", get), ("get, one key", hot), ("take + put", take_put), ("offer + settle", offer)]
    }

    fn put(cache: &Cache, number: u64, blob: &[u8]) {
        cache.put(key(&name(number)), blob, EntryOptions::default()).expect("it fits");
    }

    fn name(number: u64) -> [u8; 32] {
        let mut name = [b'k'; 32];
        name[..8].copy_from_slice(&number.to_le_bytes());
        name
    }

    fn key(name: &[u8]) -> Key<'_> {
        Key::new(name).expect("of a valid length")
    }

    /// Returns the processor time of a call in nanoseconds, for keys in a random order.
    fn cost(mut call: impl FnMut(u64)) -> f64 {
        const CALLS: u32 = 300_000;
        let mut number = 1_u64;
        let before = processor_time();
        for _ in 0..CALLS {
            number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            call((number >> 33) % KEYS);
        }
        (processor_time() - before) * 1e9 / f64::from(CALLS)
    }

    fn opening(path: &str) {
        // Another name of the same process would share the mapping, so a process of its own opens the file.
        let mut times: Vec<f64> = (0..9).map(|_| run(path, 1)[0].1 * 1e3).collect();
        times.sort_by(f64::total_cmp);
        println!(
            "open a file with 10,000 sessions: {:.2} ms (median of 9), {:.2} ms at most",
            times[4], times[8]
        );
    }

    fn processes(path: &str) {
        let rate = |count| -> f64 { run(path, count).iter().map(|(rate, _)| rate).sum() };
        for _ in 0..3 {
            let (one, two) = (rate(1), rate(2));
            println!(
                "take + put + get a second: one process {one:.0}, two {two:.0}, ratio {:.2}",
                two / one
            );
        }
    }

    /// Runs processes at the same time. Returns the rate and the time to open of each.
    fn run(path: &str, count: usize) -> Vec<(f64, f64)> {
        let program = std::env::current_exe().expect("a program has a path");
        let start = || {
            let mut command = Command::new(&program);
            command.env(WORKER, path).stdout(Stdio::piped()).spawn().expect("it starts")
        };
        let children: Vec<_> = (0..count).map(|_| start()).collect();
        let outputs = children.into_iter().map(|child| child.wait_with_output().expect("it ends"));
        outputs
            .map(|output| {
                let text = String::from_utf8(output.stdout).expect("two numbers");
                let mut numbers =
                    text.split_whitespace().map(|word| word.parse().expect("a number"));
                (numbers.next().expect("a rate"), numbers.next().expect("a time"))
            })
            .collect()
    }

    fn work(path: String) {
        let began = Instant::now();
        let segment = open(path);
        let opened = began.elapsed();
        let cache = segment.sessions(Cache::builder());
        let (mut out, blob) = ([0; 2048], [7; BLOB]);
        let (mut number, mut calls) = (u64::from(std::process::id()), 0_u32);
        let began = processor_time();
        while processor_time() - began < WORK {
            for _ in 0..100 {
                number =
                    number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                let of = (number >> 33) % KEYS;
                let _ = black_box(cache.get_into(key(&name(of)), &mut out));
                let _ = black_box(cache.take_into(key(&name(of)), &mut out));
                put(&cache, of, &blob);
            }
            calls += 100;
        }
        // Of processor time, so that other programs on the machine count little.
        let rate = f64::from(calls) / (processor_time() - began);
        println!("{rate} {}", opened.as_secs_f64());
    }

    /// Returns the seconds of processor time that the thread has used.
    fn processor_time() -> f64 {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: there is room for the answer.
        let status =
            unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()) };
        assert_eq!(status, 0, "Linux has this clock");
        // SAFETY: it succeeded, so the answer is there.
        let time = unsafe { time.assume_init() };
        #[expect(clippy::cast_precision_loss, reason = "of a short program")]
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        seconds
    }
}

fn main() {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    measured::main();
}
