use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use rustls::crypto::SecureRandom;
use rustls::server::ProducesTickets;

/// Tickets of any size and lifetime. Each is accepted once.
pub struct Once {
    pub lifetime: u32,
    pub size: usize,
    pub refuse: bool,
    pub random: &'static dyn SecureRandom,
    pub issued: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

const NAME: usize = 32;

impl ProducesTickets for Once {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut ticket = vec![0; self.size.max(NAME)];
        self.random.fill(&mut ticket[..NAME]).ok()?;
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.insert(ticket[..NAME].to_vec(), plain.to_vec());
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.remove(ticket.get(..NAME)?).filter(|_| !self.refuse)
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
