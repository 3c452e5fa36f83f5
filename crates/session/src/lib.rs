//! Reads the facts of a TLS session blob that a cache needs.
//!
//! Node.js serializes a session as the DER of OpenSSL's `SSL_SESSION` (`i2d_SSL_SESSION`). Releases with the fix
//! for CVE-2026-48934 add an envelope with the name of the server that was authenticated.
//! [`SessionInfo::parse`] reads both forms.
//!
//! ```
//! use tls_resumption_session::SessionInfo;
//!
//! assert!(SessionInfo::parse(b"not a session").is_err());
//! ```
#![forbid(unsafe_code)]
#![no_std]

mod envelope;
mod session_info;

pub use envelope::unwrap_envelope;
pub use session_info::{MalformedSession, SessionInfo, Version};
