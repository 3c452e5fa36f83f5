//! Where everything is stored in the two files.
//!
//! The control file `PATH` has one layout for ever. The session file `PATH.v2` has the version in its name, so that two
//! versions of the package use one control file and two session files. All offsets and lengths are in words of 8 bytes, and
//! every region begins at a page of 4 KiB. Numbers have the byte order of the machine, because the files do not leave it.

use std::ops::Range;

use crate::segment::owner::MAX_OWNERS;

/// The bytes of a word.
pub(crate) const WORD: usize = 8;

/// The words of a page.
const PAGE: usize = 4096 / WORD;

/// The first word of the control file.
pub(crate) const CONTROL_MAGIC: u64 = u64::from_ne_bytes(*b"tlsresum");
/// The first word of a session file.
pub(crate) const SESSIONS_MAGIC: u64 = u64::from_ne_bytes(*b"tlsresse");
/// The version of the control file. It never changes.
pub(crate) const CONTROL_VERSION: u64 = 1;
/// The version of the session file, which is in its name. No published package had version 1.
pub(crate) const SESSIONS_VERSION: u64 = 2;

/// The words of the control file's header.
pub(crate) mod header {
    /// [`CONTROL_MAGIC`](super::CONTROL_MAGIC).
    pub(crate) const MAGIC: usize = 0;
    /// [`CONTROL_VERSION`](super::CONTROL_VERSION).
    pub(crate) const VERSION: usize = 1;
    /// Two words: random bits that name the file.
    pub(crate) const FILE_ID: usize = 2;
    /// Two words: random bits that key the hash of names and session keys.
    pub(crate) const HASH_KEY: usize = 4;
    /// 1 for clients, 2 for servers.
    pub(crate) const KIND: usize = 6;
    /// 1 if an offer removes a session.
    pub(crate) const SINGLE_USE: usize = 7;
    /// The bytes of a session and its record at most.
    pub(crate) const MAX_SESSION: usize = 8;
    /// How many sessions were asked for. The number of slots is derived from it.
    pub(crate) const MAX: usize = 9;
    /// The wall clock at the creation, in milliseconds since 1970.
    pub(crate) const CREATED: usize = 10;
    /// The inode of the time namespace in which `CLOCK_BOOTTIME` was read.
    pub(crate) const TIME_NAMESPACE: usize = 11;
    /// A checksum of the words before it.
    pub(crate) const CHECKSUM: usize = 12;
}

/// The words of a session file's header.
pub(crate) mod sessions_header {
    /// [`SESSIONS_MAGIC`](super::SESSIONS_MAGIC).
    pub(crate) const MAGIC: usize = 0;
    /// [`SESSIONS_VERSION`](super::SESSIONS_VERSION).
    pub(crate) const VERSION: usize = 1;
    /// Two words: the name of the control file that it belongs to.
    pub(crate) const FILE_ID: usize = 2;
    /// A checksum of the words before it.
    pub(crate) const CHECKSUM: usize = 4;
}

/// The header of the control file.
pub(crate) const HEADER: Range<usize> = region(0, PAGE);
/// One word per owner number, from 0, which is no owner: the incarnation (32 low bits) and the process ID (32 high bits).
pub(crate) const OWNERS: Range<usize> = region(HEADER.end, MAX_OWNERS as usize + 1);
/// The purge counters.
pub(crate) const PURGES: Range<usize> = region(OWNERS.end, 8192);
/// The clear watermark, the sequence counter, the time of the next sweep. One cache line of 16 words each.
pub(crate) const MARKS: Range<usize> = region(PURGES.end, PAGE);
/// The leases.
pub(crate) const LEASES: Range<usize> = region(MARKS.end, 8192);
/// The states of the breaker.
pub(crate) const BREAKER: Range<usize> = region(LEASES.end, 8192);
/// The ring of ticket keys.
pub(crate) const RING: Range<usize> = region(BREAKER.end, 4 * PAGE);
/// The words of the control file.
pub(crate) const CONTROL_WORDS: usize = RING.end;

/// The words of [`MARKS`], counted from its start.
pub(crate) mod marks {
    /// The last sequence that was given to a session. The first one is 1.
    pub(crate) const SEQUENCE: usize = 0;
    /// Sessions with a sequence up to this one are cleared.
    pub(crate) const WATERMARK: usize = 16;
    /// When the next sweep is due, in milliseconds of `CLOCK_BOOTTIME`.
    pub(crate) const NEXT_SWEEP: usize = 32;
    /// The number of all purges.
    pub(crate) const PURGES_TOTAL: usize = 48;
}

/// A region of whole pages.
const fn region(start: usize, words: usize) -> Range<usize> {
    start..start + words.next_multiple_of(PAGE)
}

/// How many slots a set has: the places that a session may take.
pub(crate) const WAYS: usize = if cfg!(loom) { 2 } else { 16 };
/// The words of a slot, without its payload.
const SLOT_WORDS: usize = 8;
/// The words of a set of slots.
pub(crate) const SET_WORDS: usize = WAYS * SLOT_WORDS;
/// The words of a piece of a payload.
pub(crate) const PIECE_WORDS: usize = 1024 / WORD;
/// How many pieces of a payload are beside those of other slots. Most sessions need no more.
const MAX_PIECES: usize = 4;

/// Returns where a word of a slot is in its set.
///
/// First come the states of all ways, then their first words, then two words of each way, then its other four. So a search
/// reads four cache lines instead of one for each way, and the sums of a table read six of sixteen.
pub(crate) const fn place_in_set(way: usize, word: usize) -> usize {
    let way = way % WAYS;
    match word % SLOT_WORDS {
        0 => way,
        1 => WAYS + way,
        word @ 2..4 => 2 * WAYS + 2 * way + (word - 2),
        word => 4 * WAYS + 4 * way + (word - 4),
    }
}

/// No more chains than this are kept: a process has few peers that differ in them.
const MAX_CHAINS: usize = 1000;
/// The bytes of a chain at most.
const CHAIN_BYTES: usize = 32 << 10;

/// One table of a session file: its slots, and their payloads.
///
/// A payload begins with pieces of [`PIECE_WORDS`]. First come the first pieces of all slots, then the second ones, and so on:
/// the system allocates whole pages, so four slots share a page. The rest of a payload is in one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The number of sets.
    pub(crate) sets: usize,
    /// Where the slots begin.
    pub(crate) slots: usize,
    /// Where the first pieces begin.
    pub(crate) pieces: usize,
    /// How many pieces a payload has.
    pub(crate) piece_count: usize,
    /// Where the rests begin.
    pub(crate) rest: usize,
    /// The words of each rest.
    pub(crate) rest_words: usize,
}

impl Part {
    /// Returns a table at no place.
    const fn of(max: usize, bytes: usize) -> Self {
        let units = bytes.div_ceil(PIECE_WORDS * WORD);
        let piece_count = if units < MAX_PIECES { units } else { MAX_PIECES };
        let rest_words = (units - piece_count) * PIECE_WORDS;
        Self { sets: sets_for(max), slots: 0, pieces: 0, piece_count, rest: 0, rest_words }
    }

    const fn at(self, slots: usize, pieces: usize, rest: usize) -> Self {
        Self { slots, pieces, rest, ..self }
    }

    /// Returns the number of slots.
    pub(crate) const fn len(&self) -> usize {
        self.sets * WAYS
    }

    /// Returns the bytes of a payload at most.
    pub(crate) const fn max_bytes(&self) -> usize {
        (self.piece_count * PIECE_WORDS + self.rest_words) * WORD
    }

    /// Returns the words in which one piece of all slots is.
    pub(crate) const fn pieces(&self, piece: usize) -> Range<usize> {
        let start = self.pieces + piece * self.len() * PIECE_WORDS;
        start..start + self.len() * PIECE_WORDS
    }

    /// Returns the words of a slot's payload from a byte on, as far as they adjoin. The byte begins a word.
    pub(crate) const fn payload(&self, index: usize, byte: usize) -> Range<usize> {
        let (piece, word) = (byte / (PIECE_WORDS * WORD), byte / WORD);
        let (start, words, skipped) = if piece < self.piece_count {
            (self.pieces(piece).start + index * PIECE_WORDS, PIECE_WORDS, piece * PIECE_WORDS)
        } else {
            let skipped = self.piece_count * PIECE_WORDS;
            (self.rest + index * self.rest_words, self.rest_words, skipped)
        };
        start + (word - skipped)..start + words
    }
}

/// The layout of a session file, as it follows from the control file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionLayout {
    pub(crate) sessions: Part,
    pub(crate) chains: Part,
    /// The words that are allocated when the file is made: the header and the slots.
    pub(crate) allocated: usize,
    /// The words of the file.
    pub(crate) words: usize,
}

impl SessionLayout {
    /// `max`: sessions, at least 1. `max_session`: bytes, at least 1 KiB.
    pub(crate) const fn new(max: usize, max_session: usize) -> Self {
        let [sessions, chains] = [
            Part::of(max, max_session),
            Part::of(if max < MAX_CHAINS { max } else { MAX_CHAINS }, CHAIN_BYTES),
        ];
        let slots = region(PAGE, sessions.len() * SLOT_WORDS);
        let chain_slots = region(slots.end, chains.len() * SLOT_WORDS);
        let pieces = region(chain_slots.end, sessions.piece_count * sessions.len() * PIECE_WORDS);
        let chain_pieces = region(pieces.end, chains.piece_count * chains.len() * PIECE_WORDS);
        let rest = region(chain_pieces.end, sessions.len() * sessions.rest_words);
        let chain_rest = region(rest.end, chains.len() * chains.rest_words);
        Self {
            sessions: sessions.at(slots.start, pieces.start, rest.start),
            chains: chains.at(chain_slots.start, chain_pieces.start, chain_rest.start),
            allocated: chain_slots.end,
            words: chain_rest.end,
        }
    }
}

/// Returns how many sets hold `max` sessions, of which few meet a full set.
const fn sets_for(max: usize) -> usize {
    (max * 16).div_ceil(WAYS * 10)
}

/// Bytes of the control file whose locks have a meaning. They are behind its end.
pub(crate) mod locks {
    /// The byte of owner number 0. That of number n follows at n.
    pub(crate) const OWNERS: i64 = 1 << 40;
    /// Held while a session file is made, or replaced.
    pub(crate) const SESSIONS: i64 = (1 << 40) + 4096;
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Two versions of the package share a control file, so none of these may ever change.
    #[test]
    fn the_layout_of_the_control_file_is_fixed() {
        let regions = [HEADER, OWNERS, PURGES, MARKS, LEASES, BREAKER, RING];
        let bytes = regions.map(|region| [region.start * WORD, region.len() * WORD]);
        assert_eq!(
            bytes,
            [
                [0, 4096],
                [4096, 8192],
                [12288, 65536],
                [77824, 4096],
                [81920, 65536],
                [147_456, 65536],
                [212_992, 16384],
            ]
        );
        assert_eq!(CONTROL_WORDS * WORD, 229_376);
        assert_eq!((marks::SEQUENCE, marks::WATERMARK), (0, 16));
        assert_eq!((marks::NEXT_SWEEP, marks::PURGES_TOTAL), (32, 48));
    }

    /// Processes of one version of the layout share a session file, so these change only with [`SESSIONS_VERSION`].
    #[test]
    fn the_layout_of_the_session_file_is_that_of_its_version() {
        let layout = SessionLayout::new(10_000, 16 << 10);
        assert_eq!((layout.sessions.sets, layout.sessions.len()), (1000, 16_000));
        assert_eq!((layout.chains.sets, layout.chains.len()), (100, 1600));
        let starts = |part: Part| [part.slots, part.pieces, part.rest].map(|word| word * WORD);
        assert_eq!(starts(layout.sessions), [4096, 1_130_496, 73_220_096]);
        assert_eq!(starts(layout.chains), [1_028_096, 66_666_496, 269_828_096]);
        assert_eq!((layout.allocated * WORD, layout.words * WORD), (1_130_496, 315_703_296));
        assert_eq!(layout.sessions.max_bytes(), 16 << 10);
        assert_eq!(layout.chains.max_bytes(), CHAIN_BYTES);
        assert_eq!(SessionLayout::new(1, 1024).sessions.sets, 1);
        assert_eq!(SessionLayout::new(11, 1025).sessions.max_bytes(), 2048);
    }
    #[test]
    fn the_words_of_a_set_are_in_the_order_of_its_version() {
        let slot = |way| [0, 1, 2, 3, 4, 5, 6, 7].map(|word| place_in_set(way, word));
        assert_eq!(slot(0), [0, 16, 32, 33, 64, 65, 66, 67]);
        assert_eq!(slot(15), [15, 31, 62, 63, 124, 125, 126, 127]);
        let mut all: Vec<_> = (0..WAYS).flat_map(slot).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..SET_WORDS));
    }

    #[test]
    fn a_payload_is_in_pieces_that_no_other_slot_has() {
        for bytes in [1024, 2000, 4096, 16 << 10] {
            let part = SessionLayout::new(20, bytes).sessions;
            let mut taken = vec![false; part.rest + part.len() * part.rest_words];
            for index in 0..part.len() {
                let mut byte = 0;
                while byte < part.max_bytes() {
                    let words = part.payload(index, byte);
                    assert_eq!(part.payload(index, byte + WORD).end, words.end);
                    byte += words.len() * WORD;
                    for word in words {
                        assert!(word >= part.pieces && !std::mem::replace(&mut taken[word], true));
                    }
                }
                assert_eq!(byte, bytes.next_multiple_of(1024));
            }
        }
    }
}
