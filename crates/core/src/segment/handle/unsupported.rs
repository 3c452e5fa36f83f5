//! On other platforms there are no segments.

use crate::segment::{SegmentError, SegmentErrorKind, SegmentInfo, SegmentOptions};
use crate::{Builder, Cache, Outcome, Permission};

/// A cache in files that all processes of a user share. On this platform there is none.
#[derive(Debug, Clone)]
pub enum Segment {}

impl Segment {
    /// Returns an error.
    ///
    /// # Errors
    ///
    /// Always one of the kind [`SegmentErrorKind::Unsupported`].
    #[expect(clippy::needless_pass_by_value, reason = "as on Linux")]
    pub fn open(options: SegmentOptions) -> Result<Self, SegmentError> {
        let (expected, found) = ("64-bit Linux", std::env::consts::OS);
        Err(SegmentError::new(SegmentErrorKind::Unsupported, &options.path, expected, found))
    }

    /// Returns the cache of sessions.
    #[must_use]
    pub fn sessions(&self, _builder: Builder) -> Cache {
        match *self {}
    }

    /// Returns whether a connection may offer a session.
    #[must_use]
    pub fn may_offer(&self, _endpoint: &[u8], _key: &[u8]) -> Permission {
        match *self {}
    }

    /// Records what became of a handshake.
    pub fn report(&self, _outcome: Outcome, _endpoint: &[u8], _key: &[u8]) {
        match *self {}
    }

    /// Forgets an endpoint.
    pub fn forget_endpoint(&self, _endpoint: &[u8]) {
        match *self {}
    }

    /// Returns the cache of certificate chains.
    #[must_use]
    pub fn chains(&self) -> Cache {
        match *self {}
    }

    /// Purges a peer.
    #[expect(clippy::must_use_candidate, reason = "callers want the purge")]
    pub fn purge(&self, _name: &[u8]) -> bool {
        match *self {}
    }

    /// Returns how often a peer has been purged.
    #[must_use]
    pub fn purges_of(&self, _name: &[u8]) -> u64 {
        match *self {}
    }

    /// Returns the number of all purges.
    #[must_use]
    pub fn purges(&self) -> u64 {
        match *self {}
    }

    /// Returns the name of the control file.
    #[must_use]
    pub fn file_id(&self) -> Option<[u8; 16]> {
        match *self {}
    }

    /// Returns why there are no files.
    #[must_use]
    pub fn problem(&self) -> Option<SegmentError> {
        match *self {}
    }

    /// Returns what the files hold.
    #[must_use]
    pub fn info(&self) -> Option<SegmentInfo> {
        match *self {}
    }

    /// Removes both files.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn remove_files(&self) -> Result<(), SegmentError> {
        match *self {}
    }
}
