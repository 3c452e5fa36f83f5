//! A ring of ticket keys: of the process, or in a file that processes share.

use tls_resumption_core::{
    AgedKey, FoundKey, KEY_NAME_LEN, Keep, KeyInfo, KeyRejected, KeyRing, RotateEvery,
    SharedKeyRing, TicketKey,
};

pub enum Ring {
    OfProcess(KeyRing),
    InFile(SharedKeyRing),
}

impl Ring {
    /// `None` if there is no key: then no ticket can be made.
    pub fn active(&self) -> Option<TicketKey> {
        match self {
            Self::OfProcess(ring) => Some(ring.active()),
            Self::InFile(ring) => ring.active(),
        }
    }

    pub fn find(&self, name: &[u8; KEY_NAME_LEN]) -> Option<FoundKey> {
        match self {
            Self::OfProcess(ring) => ring.find(name),
            Self::InFile(ring) => ring.find(name),
        }
    }

    pub fn rotate(&self) -> Result<(), KeyRejected> {
        match self {
            Self::OfProcess(ring) => ring.rotate(),
            Self::InFile(ring) => ring.rotate(),
        }
    }

    /// Ends all earlier tickets of a ring in a file.
    pub fn revoke(&self) -> Result<(), KeyRejected> {
        match self {
            Self::OfProcess(_) => Ok(()),
            Self::InFile(ring) => ring.revoke(),
        }
    }

    pub fn insert(&self, key: &TicketKey) -> Result<(), KeyRejected> {
        match self {
            Self::OfProcess(ring) => ring.insert(key),
            Self::InFile(ring) => ring.insert(key),
        }
    }

    /// A ring in a file follows no other one, so it takes no keys.
    pub fn replace(&self, keys: &[AgedKey], overdue_factor: u32) -> Result<(), KeyRejected> {
        match self {
            Self::OfProcess(ring) => ring.replace(keys, overdue_factor),
            Self::InFile(_) => Err(KeyRejected::Missing),
        }
    }

    pub fn export(&self) -> Vec<AgedKey> {
        match self {
            Self::OfProcess(ring) => ring.export(),
            Self::InFile(ring) => ring.export(),
        }
    }

    pub fn tick(&self) {
        match self {
            Self::OfProcess(ring) => ring.tick(),
            Self::InFile(ring) => ring.tick(),
        }
    }

    pub fn keys(&self) -> Vec<KeyInfo> {
        match self {
            Self::OfProcess(ring) => ring.keys(),
            Self::InFile(ring) => ring.keys(),
        }
    }

    pub fn rotate_every(&self) -> Option<RotateEvery> {
        match self {
            Self::OfProcess(ring) => ring.rotate_every(),
            Self::InFile(ring) => ring.rotate_every(),
        }
    }

    pub fn keep(&self) -> Keep {
        match self {
            Self::OfProcess(ring) => ring.keep(),
            Self::InFile(ring) => ring.keep(),
        }
    }
}
