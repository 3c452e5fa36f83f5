use tls_resumption_core::{ByteBudget, Cache, Capacity, EntryOptions};

use super::{Key, Peer};

pub struct Ours(pub Cache);

impl Ours {
    /// `bytes`: how many blobs may take together; as many as there can be when left out.
    pub fn new(max: usize, bytes: Option<u64>) -> Self {
        let bytes = bytes.unwrap_or(ByteBudget::MAX.get());
        Self(
            Cache::builder()
                .max(Capacity::new(max as u64).expect("in range"))
                .max_bytes(ByteBudget::new(bytes).expect("in range"))
                .sweep_interval(None)
                .build(),
        )
    }
}

pub fn parse(key: &Key) -> tls_resumption_core::Key<'_> {
    tls_resumption_core::Key::new(key).expect("32 bytes are a key")
}

impl Peer for Ours {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        self.0.get_into(parse(key), out).expect("the buffer is large enough").is_some()
    }

    fn take(&self, key: &Key, out: &mut [u8]) -> bool {
        self.0.take_into(parse(key), out).expect("the buffer is large enough").is_some()
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.put(parse(key), blob, EntryOptions::default()).expect("the blob fits");
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
