//! The circuit breaker for offers in the control file, so that a process that is killed and started again knows of the
//! failures before.

use super::Segment;
use super::attachment::Attachment;
use crate::breaker::states::States;
use crate::clock::{Clock, SystemClock, whole_millis};
use crate::segment::layout::BREAKER;
use crate::segment::sync::AtomicU64;
use crate::{Outcome, Permission};

impl Segment {
    /// Returns whether a connection that begins now may offer a session of `key` to `endpoint`, as
    /// [`OfferBreaker::may_offer`](crate::OfferBreaker::may_offer) does for one process.
    #[must_use = "a probe is given to one connection, which must report its outcome"]
    pub fn may_offer(&self, endpoint: &[u8], key: &[u8]) -> Permission {
        let permission = self.on_breaker(|files, states, now| {
            states.may_offer(files.hash_name(endpoint), files.hash_name(key), now)
        });
        // Without files there is nothing to offer.
        permission.unwrap_or(Permission::Offer)
    }

    /// Records what became of a handshake, for all processes.
    pub fn report(&self, outcome: Outcome, endpoint: &[u8], key: &[u8]) {
        self.on_breaker(|files, states, now| {
            states.report(outcome, files.hash_name(endpoint), files.hash_name(key), now);
        });
    }

    /// Forgets an endpoint.
    pub fn forget_endpoint(&self, endpoint: &[u8]) {
        self.on_breaker(|files, states, _| states.forget_endpoint(files.hash_name(endpoint)));
    }

    fn on_breaker<R>(
        &self,
        call: impl FnOnce(&Attachment, &States<&[AtomicU64]>, u64) -> R,
    ) -> Option<R> {
        let now = whole_millis(SystemClock::since_boot().now());
        self.link.with(|files| call(files, &States::over(files.control.region(BREAKER)), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::files::tests::Folder;
    use crate::segment::{SegmentKind, SegmentOptions};

    #[test]
    fn a_process_that_starts_later_knows_of_the_failures_before() {
        let folder = Folder::new();
        let open =
            || Segment::open(SegmentOptions::new(folder.path(), SegmentKind::Clients)).unwrap();
        let segment = open();
        assert_eq!(segment.may_offer(b"peer", b"key"), Permission::Offer);
        segment.report(Outcome::Alerted, b"peer", b"key");
        drop(segment);
        let segment = open();
        assert_eq!(segment.may_offer(b"peer", b"key"), Permission::Pause);
        assert_eq!(segment.may_offer(b"another", b"key"), Permission::Offer);
        segment.forget_endpoint(b"peer");
        assert_eq!(segment.may_offer(b"peer", b"key"), Permission::Offer);
    }
}
