//! Reads the facts of a TLS session blob that a cache needs, and until when revocation lists are current.
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

extern crate alloc;

mod crl;
mod envelope;
mod pem;
mod session_info;

pub use crl::{MalformedCrl, crl_next_update};
pub use envelope::unwrap_envelope;
pub use session_info::{MalformedSession, SessionInfo, Version};
