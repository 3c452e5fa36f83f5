//! Bytes as calls on a segment and words that another program writes into its live files. The fuzz target `segment` and a test
//! run it. No call may panic or hang, or return more than a session can have.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tls_resumption_core::{
    Cache, Capacity, EntryOptions, Key, Leadership, Segment, SegmentKind, SegmentOptions,
};

#[derive(Debug, Arbitrary)]
enum Step {
    /// A word of a slot, or one of a payload.
    Scribble {
        at: u16,
        value: u64,
    },
    /// The owner and phase of a slot.
    State {
        slot: u8,
        value: u32,
    },
    /// A word of the control file.
    Control {
        at: u16,
        value: u64,
    },
    Put {
        key: u8,
        len: u16,
    },
    Add {
        key: u8,
        len: u16,
    },
    Get {
        key: u8,
    },
    Offer {
        key: u8,
    },
    Take {
        key: u8,
    },
    Remove {
        key: u8,
    },
    Settle {
        key: u8,
    },
    Lead {
        key: u8,
    },
    Purge {
        key: u8,
    },
    Chain {
        key: u8,
        len: u16,
    },
    Clear,
    Sweep,
    Look,
    Reopen,
}

/// Files that are removed when this is dropped.
struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("v2"));
    }
}

fn open(files: &Files) -> Option<Segment> {
    let options = SegmentOptions::new(&files.0, SegmentKind::Clients).with_max(Capacity::new(1));
    Segment::open(options).ok()
}

/// # Panics
///
/// If a call returns what no session can be.
pub fn scribble(bytes: &[u8]) {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let files =
        Files(format!("/dev/shm/tls-resumption-fuzz-{}-{serial}", std::process::id()).into());
    let mut segment = open(&files).expect("a new file can be made");
    let (mut sessions, mut chains) = (sessions(&segment), segment.chains());
    let write = |path: &PathBuf, at: u64, value: u64| {
        let file = File::options().write(true).open(path).expect("the files stay");
        file.write_all_at(&value.to_ne_bytes(), at).expect("tmpfs has room");
    };
    let mut bytes = Unstructured::new(bytes);
    while !bytes.is_empty()
        && let Ok(step) = Step::arbitrary(&mut bytes)
    {
        match step {
            // From the first slot on: slots of sessions and of chains, then payloads.
            Step::Scribble { at, value } => {
                write(&files.0.with_extension("v2"), 4096 + u64::from(at) % 4096 * 8, value);
            }
            Step::State { slot, value } => {
                let at = 4096 + u64::from(slot) % 16 * 8;
                write(&files.0.with_extension("v2"), at, value.into());
            }
            Step::Control { at, value } => write(&files.0, u64::from(at) % 28_672 * 8, value),
            Step::Put { key, len } => {
                let blob = vec![key; usize::from(len % 20_000)];
                let _ = sessions.put(name(&[key % 4]), &blob, EntryOptions::default());
            }
            Step::Add { key, len } => {
                let blob = vec![key; usize::from(len % 3000)];
                let _ = sessions.add(name(&[key % 4]), &blob, EntryOptions::default());
            }
            Step::Get { key } => check(sessions.get(name(&[key % 4])).as_deref()),
            Step::Offer { key } => check(sessions.offer(name(&[key % 4])).as_deref()),
            Step::Take { key } => check(sessions.take(name(&[key % 4])).as_deref()),
            Step::Remove { key } => assert!(sessions.remove(name(&[key % 4])) <= 16 * 64),
            Step::Settle { key } => sessions.settle(name(&[key % 4])),
            Step::Lead { key } => {
                if let Leadership::Leads(lease) =
                    sessions.lead(name(&[key % 4]), Duration::from_secs(1))
                {
                    let _ = sessions.release(name(&[key % 4]), lease, key > 100);
                }
            }
            Step::Purge { key } => {
                segment.purge(&[key]);
                let _ = (segment.purges(), segment.purges_of(&[key]));
            }
            Step::Chain { key, len } => {
                let blob = vec![key; usize::from(len % 40_000)];
                let _ = chains.put(name(&[key % 4]), &blob, EntryOptions::default());
                check(chains.get(name(&[key % 4])).as_deref());
            }
            Step::Clear => sessions.clear(),
            Step::Sweep => assert!(sessions.sweep() <= 16),
            Step::Look => {
                assert!(sessions.len() <= 16);
                let _ = (sessions.stats(), sessions.memory(), segment.info());
            }
            Step::Reopen => {
                drop((sessions, chains, segment));
                // Without an intact header it is refused.
                let Some(opened) = open(&files) else { return };
                segment = opened;
                (sessions, chains) = (self::sessions(&segment), segment.chains());
            }
        }
    }
}

fn sessions(segment: &Segment) -> Cache {
    segment.sessions(Cache::builder().sweep_interval(None))
}

fn name(bytes: &[u8]) -> Key<'_> {
    Key::new(bytes).expect("one byte")
}

/// The content of a session is one byte, repeated. The checksum finds every other one.
fn check(blob: Option<&[u8]>) {
    let Some(blob) = blob else { return };
    assert!((1..=32 << 10).contains(&blob.len()));
    assert!(blob.iter().all(|byte| *byte == blob[0]), "a damaged session came back");
}
