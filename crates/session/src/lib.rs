//! What a TLS session blob says of itself.
//!
//! Node hands sessions out as the DER of OpenSSL's `SSL_SESSION` (`i2d_SSL_SESSION`); releases that
//! carry the fix for CVE-2026-48934 put an envelope around it that names the server it was
//! authenticated for. [`SessionInfo::parse`] reads both forms, and [`replace_leaf`] changes nothing
//! but the certificate in them.
//!
//! ```
//! use tls_resumption_session::SessionInfo;
//!
//! assert!(SessionInfo::parse(b"not a session").is_err());
//! ```
#![forbid(unsafe_code)]
#![no_std]

mod envelope;
mod replace;
mod session_info;

pub use envelope::unwrap_envelope;
pub use replace::replace_leaf;
pub use session_info::{MalformedSession, SessionInfo, Version};
