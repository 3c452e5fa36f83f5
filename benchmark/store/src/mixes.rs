//! What the threads do, one operation after another.

use crate::peers::{Key, Peer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// Every key is there.
    Get,
    /// Nine reads to one write.
    Read90,
    /// As many reads as writes.
    Read50,
    /// A single-use ticket: taken, and its successor stored. Counts as one operation; each half is timed by itself.
    TakeSet,
    /// Stores under keys of which half are not there, so that room has to be made.
    SetAtCapacity,
    /// Nine reads to one removal, which the next read of the key makes up for.
    Delete10,
    /// All threads read one key.
    HotKey,
}

impl Mix {
    /// How many keys there are to a capacity.
    pub fn keys(self, max: usize) -> usize {
        match self {
            Self::SetAtCapacity => max * 2,
            // Caches that split their capacity would evict when all of it were asked for.
            _ => (max * 8 / 10).max(1),
        }
    }

    #[inline]
    pub fn step(
        self,
        peer: &(impl Peer + ?Sized),
        keys: &[Key],
        blob: &[u8],
        out: &mut [u8],
        rng: &mut fastrand::Rng,
    ) {
        let key = &keys[if self == Self::HotKey { 0 } else { rng.usize(..keys.len()) }];
        match self {
            Self::Get | Self::HotKey => {
                peer.get(key, out);
            }
            Self::Read90 | Self::Read50 => {
                let reads = if self == Self::Read90 { 9 } else { 5 };
                if rng.u8(..10) < reads {
                    peer.get(key, out);
                } else {
                    peer.set(key, blob);
                }
            }
            Self::TakeSet => {
                peer.take(key, out);
                peer.set(key, blob);
            }
            Self::SetAtCapacity => peer.set(key, blob),
            Self::Delete10 => {
                if rng.u8(..10) == 0 {
                    peer.take(key, out);
                } else if !peer.get(key, out) {
                    peer.set(key, blob);
                }
            }
        }
    }
}
