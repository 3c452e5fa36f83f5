use std::sync::Arc;

use crate::call_time::Moment;
use crate::single_flight::Leases;
use crate::store::LockFree;
use crate::{Clock, Options, Unavailable};

/// What is behind a cache, and what the sweeping thread reaches through a `Weak`, so that it keeps no cache alive.
pub(crate) struct Shared {
    options: Options,
    clock: Arc<dyn Clock>,
    store: LockFree,
    leases: Leases,
}

impl Shared {
    pub(crate) fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let store = LockFree::new(options)?;
        Ok(Self { options, clock, store, leases: Leases::new() })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn now(&self) -> Moment<'_> {
        Moment::now(&*self.clock)
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    pub(crate) fn store(&self) -> &LockFree {
        &self.store
    }
}
