use std::path::{Path, PathBuf};

use crate::segment::layout::SESSIONS_VERSION;
use crate::{ANNOTATION_LEN, Capacity};

/// Which side of connections the sessions of a segment belong to. A file serves one side, so that remote clients cannot
/// evict the sessions of outgoing connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Sessions that this side may offer.
    Clients,
    /// Sessions that remote clients may resume.
    Servers,
}

impl SegmentKind {
    pub(crate) const fn to_bits(self) -> u64 {
        match self {
            Self::Clients => 1,
            Self::Servers => 2,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Servers => "servers",
        }
    }
}

/// How a segment is opened. What is `None` takes the value of the file, or the default if the file is made.
///
/// ```
/// use tls_resumption_core::{Capacity, SegmentKind, SegmentOptions};
///
/// let options = SegmentOptions::new("/run/myapp/tls", SegmentKind::Clients)
///     .with_max(Capacity::new(1_000))
///     .with_single_use(true);
/// assert_eq!(options.max_session, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentOptions {
    /// The path of the control file, on tmpfs. The session file is beside it.
    pub path: PathBuf,
    /// Which side the sessions belong to.
    pub kind: SegmentKind,
    /// The number of sessions at most, rounded up. Default: 10,000.
    pub max: Option<Capacity>,
    /// The bytes of a session at most, with its record. Default: 16 KiB.
    pub max_session: Option<MaxSession>,
    /// True if an offer removes a session that is not reusable. Default: `false`.
    pub single_use: Option<bool>,
    /// The version of the layout of the session file.
    pub(crate) layout: u64,
}

impl SegmentOptions {
    /// Makes options with a path and a kind.
    #[must_use]
    pub fn new(path: impl AsRef<Path>, kind: SegmentKind) -> Self {
        let path = path.as_ref().to_owned();
        Self {
            path,
            kind,
            max: None,
            max_session: None,
            single_use: None,
            layout: SESSIONS_VERSION,
        }
    }

    /// Sets [`max`](Self::max).
    #[must_use]
    pub fn with_max(self, max: impl Into<Option<Capacity>>) -> Self {
        Self { max: max.into(), ..self }
    }

    /// Sets [`max_session`](Self::max_session).
    #[must_use]
    pub fn with_max_session(self, max_session: impl Into<Option<MaxSession>>) -> Self {
        Self { max_session: max_session.into(), ..self }
    }

    /// Sets [`single_use`](Self::single_use).
    #[must_use]
    pub fn with_single_use(self, single_use: impl Into<Option<bool>>) -> Self {
        Self { single_use: single_use.into(), ..self }
    }

    /// Uses another session file, as a package of another version does. For this crate's own tests.
    #[cfg(any(test, feature = "_oracle"))]
    #[doc(hidden)]
    #[must_use]
    pub fn with_layout(self, layout: u64) -> Self {
        Self { layout, ..self }
    }
}

/// The bytes of a session in a segment at most, with its record of 64 bytes: 1 KiB to 1 MiB.
///
/// ```
/// use tls_resumption_core::MaxSession;
///
/// assert_eq!(MaxSession::new(1024).map(MaxSession::get), Some(1024));
/// assert_eq!((MaxSession::new(1023), MaxSession::new((1 << 20) + 1)), (None, None));
/// assert_eq!(MaxSession::default().get(), 16_384);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxSession(u32);

impl MaxSession {
    /// The minimum: 1 KiB.
    pub const MIN: Self = Self(1 << 10);
    /// The maximum: 1 MiB.
    pub const MAX: Self = Self(1 << 20);
    /// The default: 16 KiB.
    pub const DEFAULT: Self = Self(16 << 10);

    /// Returns `None` if out of range.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        let bytes = Self(u32::try_from(bytes).ok()?);
        (Self::MIN..=Self::MAX).contains(&bytes).then_some(bytes)
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for MaxSession {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const _: () = assert!(ANNOTATION_LEN < MaxSession::MIN.get() as usize);
