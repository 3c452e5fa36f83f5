//! What was removed while there were no files that could be used. The next files lose it, too.

use super::attachment::{Attachment, Which};
use crate::segment::table::Events;
use crate::store::counters::Counters;

/// How many names are kept. With more of them, all peers are purged.
const MAX_NAMES: usize = 256;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Missed {
    names: Vec<Box<[u8]>>,
    sessions: bool,
}

impl Missed {
    /// Notes that the peer of that name was purged.
    pub(super) fn purge(&mut self, name: &[u8]) {
        let is_known = self.names.iter().any(|known| **known == *name);
        if !is_known && self.names.len() <= MAX_NAMES {
            self.names.push(name.into());
        }
    }

    /// Notes that all sessions were removed.
    pub(super) fn clear(&mut self) {
        self.sessions = true;
    }

    /// Removes all of it from the files.
    pub(super) fn apply(&mut self, files: &Attachment) {
        if self.names.len() > MAX_NAMES {
            files.purges().purge_all();
        } else {
            for name in &self.names {
                files.purges().purge(files.hash_name(name));
            }
        }
        if self.sessions {
            // Of a large table the next sweep wipes them.
            files.table(Which::Sessions, &Counters::default(), &Events::default()).clear();
        }
        *self = Self::default();
    }
}
