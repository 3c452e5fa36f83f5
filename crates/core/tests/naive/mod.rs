//! The rules once more, as a list of entries that every operation searches from end to end.

use tls_resumption_core::{BufferTooSmall, EntryOptions, Options, Refused, Stats};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Get,
    Offer,
    Take,
}

struct Item {
    key: u8,
    blob: Vec<u8>,
    born: u64,
    used_last: u64,
    expires_at: u64,
    reusable: bool,
    used: bool,
}

pub struct Model {
    options: Options,
    items: Vec<Item>,
    stats: Stats,
    pub now: u64,
    operations: u64,
}

impl Model {
    pub fn new(options: Options) -> Self {
        Self { options, items: Vec::new(), stats: Stats::default(), now: 0, operations: 0 }
    }

    pub fn put(&mut self, key: u8, blob: Vec<u8>, options: EntryOptions) -> Result<(), Refused> {
        self.insert(key, blob, options, 0)
    }

    pub fn add(&mut self, key: u8, blob: Vec<u8>, options: EntryOptions) -> Result<(), Refused> {
        let others = usize::from(self.options.tickets_per_key.get()) - 1;
        self.insert(key, blob, options, others)
    }

    pub fn read(
        &mut self,
        key: u8,
        way: Way,
        room: usize,
    ) -> Result<Option<Vec<u8>>, BufferTooSmall> {
        self.operations += 1;
        let now = self.now;
        let live = |item: &&Item| item.key == key && now < item.expires_at;
        let newest = self.items.iter().filter(live).max_by_key(|item| item.born);
        let unused =
            self.items.iter().filter(live).filter(|item| !item.used).max_by_key(|item| item.born);
        let chosen = if way == Way::Offer { unused.or(newest) } else { newest };
        let chosen = chosen.map(|item| (item.born, item.blob.clone()));

        if let Some((_, blob)) = &chosen
            && blob.len() > room
        {
            return Err(BufferTooSmall { needed: blob.len() });
        }
        self.expire(key);
        let Some((born, blob)) = chosen else {
            self.stats.misses += 1;
            return Ok(None);
        };
        self.stats.hits += 1;
        let item = self.items.iter_mut().find(|item| item.born == born).unwrap();
        item.used_last = self.operations;
        item.used |= way == Way::Offer;
        if way == Way::Take || (way == Way::Offer && self.options.single_use && !item.reusable) {
            self.items.retain(|item| item.born != born);
            self.stats.takes += 1;
        }
        Ok(Some(blob))
    }

    pub fn contains(&mut self, key: u8) -> bool {
        self.expire(key);
        self.items.iter().any(|item| item.key == key)
    }

    pub fn remove(&mut self, key: u8) -> usize {
        self.expire(key);
        let removed = self.drop_where(|item| item.key == key);
        self.stats.deletes += removed;
        usize::try_from(removed).unwrap()
    }

    pub fn clear(&mut self) {
        self.stats.cleared += self.drop_where(|_| true);
    }

    pub fn sweep(&mut self) -> usize {
        let now = self.now;
        let removed = self.drop_where(|item| item.expires_at <= now);
        self.stats.expirations += removed;
        self.stats.sweeps += 1;
        usize::try_from(removed).unwrap()
    }

    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.size = self.items.len() as u64;
        stats.bytes = self.bytes();
        stats
    }

    fn insert(
        &mut self,
        key: u8,
        blob: Vec<u8>,
        options: EntryOptions,
        others: usize,
    ) -> Result<(), Refused> {
        self.operations += 1;
        let (len, max) = (blob.len() as u64, self.options.max_bytes.get());
        if len == 0 || len > max {
            self.stats.rejected += 1;
            return Err(if len == 0 { Refused::Empty } else { Refused::TooLarge { len, max } });
        }
        self.expire(key);
        while self.items.iter().filter(|item| item.key == key).count() > others {
            let of_key = self.items.iter().filter(|item| item.key == key);
            let oldest = of_key.map(|item| item.born).min().unwrap();
            self.stats.replaced += self.drop_where(|item| item.born == oldest);
        }
        while self.items.len() as u64 >= u64::from(self.options.max.get())
            || self.bytes() + len > max
        {
            self.make_room();
        }
        let ttl = options.ttl.unwrap_or(self.options.ttl).min(self.options.ttl);
        self.items.push(Item {
            key,
            blob,
            born: self.operations,
            used_last: self.operations,
            expires_at: self.now + ttl.as_millis(),
            reusable: options.reusable,
            used: false,
        });
        self.stats.sets += 1;
        if self.stats.sets.is_multiple_of(100) {
            self.sweep();
        }
        Ok(())
    }

    fn make_room(&mut self) {
        let first = self.items.iter().min_by_key(|item| (item.expires_at, item.born)).unwrap();
        if first.expires_at <= self.now {
            let born = first.born;
            self.stats.expirations += self.drop_where(|item| item.born == born);
        } else {
            let stalest = self.items.iter().map(|item| item.used_last).min().unwrap();
            self.stats.evictions += self.drop_where(|item| item.used_last == stalest);
        }
    }

    fn expire(&mut self, key: u8) {
        let now = self.now;
        self.stats.expirations += self.drop_where(|item| item.key == key && item.expires_at <= now);
    }

    fn drop_where(&mut self, goes: impl Fn(&Item) -> bool) -> u64 {
        let before = self.items.len();
        self.items.retain(|item| !goes(item));
        (before - self.items.len()) as u64
    }

    fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.blob.len() as u64).sum()
    }
}
