//! What a session blob says of itself, for the facade.

use napi_derive::napi;
use tls_resumption_session::{SessionInfo, unwrap_envelope};

use crate::lifecycle::saturate;

/// What decides how a session may be cached.
#[napi(object)]
pub struct SessionFacts {
    /// The protocol version on the wire: 0x0303 is TLS 1.2, 0x0304 TLS 1.3.
    pub version: u32,
    /// For how many milliseconds it may be kept; 0: not at all.
    pub lifetime: f64,
    /// Whether the peer's chain was verified; a resumed handshake repeats this verdict.
    pub verified: bool,
    /// Where the DER of the peer's own certificate begins in the blob.
    pub leaf_start: u32,
    /// Where it ends; where it begins, if there is none.
    pub leaf_end: u32,
}

/// Reads a session blob; `null` for bytes that are none.
#[napi(catch_unwind)]
pub fn session_facts(blob: &[u8]) -> Option<SessionFacts> {
    SessionInfo::parse(blob).ok().map(|info| {
        // The leaf is a slice of the blob, so the distance of their addresses is its place.
        let leaf = info.leaf.map_or(0..0, |leaf| {
            let start = leaf.as_ptr().addr() - blob.as_ptr().addr();
            start..start + leaf.len()
        });
        SessionFacts {
            version: info.version.0.into(),
            lifetime: info.lifetime().map_or(0.0, |lifetime| lifetime.as_secs_f64() * 1000.0),
            verified: info.verify_result == 0,
            leaf_start: saturate(leaf.start),
            leaf_end: saturate(leaf.end),
        }
    })
}

/// What tells a reader how the session would be resumed, beyond what a cache needs.
#[napi(object)]
pub struct SessionDescription {
    /// The protocol version on the wire: 0x0303 is TLS 1.2, 0x0304 TLS 1.3.
    pub version: u32,
    /// Bytes of the session id; 0: there is none.
    pub id_length: u32,
    /// Bytes of the ticket; 0: there is none.
    pub ticket_length: u32,
    /// For how many seconds the peer says it will take the ticket; 0: it did not say, or in TLS 1.3: not at all.
    pub lifetime_hint: u32,
    /// Where the session itself begins in the blob, behind the envelope of newer versions of Node.
    pub start: u32,
}

/// Describes a session blob; `null` for bytes that are none.
#[napi(catch_unwind)]
pub fn session_description(blob: &[u8]) -> Option<SessionDescription> {
    let (_, session) = unwrap_envelope(blob).ok()?;
    let info = SessionInfo::parse(session).ok()?;
    Some(SessionDescription {
        version: info.version.0.into(),
        id_length: saturate(info.id_length),
        ticket_length: saturate(info.ticket_length),
        lifetime_hint: u32::try_from(info.lifetime_hint).unwrap_or(u32::MAX),
        start: saturate(blob.len() - session.len()),
    })
}
