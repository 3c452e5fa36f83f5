//! Returns the facts of a session blob that the facade needs.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use napi::sys::{napi_callback_info, napi_env, napi_value};
use napi_derive::napi;
use tls_resumption_session::{SessionInfo, crl_next_update, unwrap_envelope};

use crate::cache::saturate;
use crate::napi::raw_callback::{Value, enter};

/// `sessionInfo(session, out)`: fills `out` with numbers of eight bytes in native order. Returns false for bytes that are
/// no session.
///
/// - the protocol version on the wire
/// - for how many milliseconds the session may be kept
/// - 1 if the chain of the peer was verified
/// - the start and the end of the leaf certificate in the blob
/// - the verification result, 0 for `X509_V_OK`
/// - the time of the session in milliseconds since 1970
/// - the timeout of the session in milliseconds
/// - the fingerprint of the session, also of bytes that are none
///
/// A shorter `out` gets the first of them.
pub unsafe extern "C" fn info(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [session, out, ..]| {
        let (session, mut out) = (session.bytes("session", BYTES)?, out.scratch("out")?);
        // SAFETY: no JavaScript runs here, and the memory is not shared.
        let session = unsafe { session.as_slice() };
        let info = numbers_of(session);
        // SAFETY: as above; only the facade knows `out`, so it is not the session.
        let (out, _) = unsafe { out.as_mut_slice() }.as_chunks_mut::<8>();
        for (out, number) in out.iter_mut().zip(info.unwrap_or_default()) {
            *out = number.to_ne_bytes();
        }
        if let Some(last) = out.get_mut(NUMBERS) {
            *last = fingerprint_of(session).to_ne_bytes();
        }
        Ok(Value::Boolean(info.is_some()))
    })
}

const NUMBERS: usize = 8;

const BYTES: &str = "a Uint8Array";

#[expect(clippy::cast_precision_loss, reason = "numbers of seconds, and of an error")]
fn numbers_of(session: &[u8]) -> Option<[f64; NUMBERS]> {
    let info = SessionInfo::parse(session).ok()?;
    // The leaf certificate is a slice of the blob, so the distance of their addresses is its offset.
    let leaf = info.leaf.map_or(0..0, |leaf| {
        let start = leaf.as_ptr().addr() - session.as_ptr().addr();
        start..start + leaf.len()
    });
    Some([
        info.version.0.into(),
        info.lifetime().map_or(0.0, |lifetime| lifetime.as_secs_f64() * 1000.0),
        f64::from(info.verify_result == 0),
        saturate(leaf.start).into(),
        saturate(leaf.end).into(),
        info.verify_result as f64,
        info.time as f64 * 1000.0,
        info.timeout.as_secs_f64() * 1000.0,
    ])
}

/// `crlNextUpdate(bytes, nowMs)`: returns the earliest `nextUpdate` of the revocation lists in `bytes` that are current at
/// `nowMs`, in milliseconds since 1970. `Infinity` if there is none, `NaN` if the bytes are malformed.
pub unsafe extern "C" fn crl_bound(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [bytes, now, ..]| {
        let bytes = bytes.bytes("bytes", BYTES)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let now = Duration::from_millis(now.number() as u64);
        // SAFETY: no JavaScript runs here, and the memory is not shared.
        let bound = crl_next_update(unsafe { bytes.as_slice() }, now);
        Ok(Value::Number(match bound {
            Ok(Some(bound)) => bound.as_secs_f64() * 1000.0,
            Ok(None) => f64::INFINITY,
            Err(_) => f64::NAN,
        }))
    })
}

static FINGERPRINTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// `sessionFingerprint(session)`: returns the fingerprint of a session, a hash of 53 bits (`SipHash`) under a random key.
pub unsafe extern "C" fn fingerprint(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [session, ..]| {
        let session = session.bytes("session", BYTES)?;
        // SAFETY: no JavaScript runs here, and the memory is not shared.
        Ok(Value::Number(fingerprint_of(unsafe { session.as_slice() })))
    })
}

#[expect(clippy::cast_precision_loss, reason = "of 53 bits")]
fn fingerprint_of(session: &[u8]) -> f64 {
    (FINGERPRINTS.hash_one(session) >> 11) as f64
}

/// The facts of a session that only a human reader needs.
#[napi(object)]
pub struct SessionDescription {
    /// The protocol version on the wire: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    pub version: u32,
    /// The length of the session ID in bytes; 0 if there is none.
    pub id_length: u32,
    /// The length of the ticket in bytes; 0 if there is none.
    pub ticket_length: u32,
    /// The lifetime that the peer gave the ticket, in seconds; 0 if it gave none.
    pub lifetime_hint: u32,
    /// Bytes of 0-RTT data that the peer accepts.
    pub max_early_data: u32,
    /// The offset of the session in the blob, after the envelope of newer Node.js releases.
    pub start: u32,
}

/// Describes a session blob. Returns `null` for bytes that are no session.
#[napi(catch_unwind)]
pub fn session_description(blob: &[u8]) -> Option<SessionDescription> {
    let (_, session) = unwrap_envelope(blob).ok()?;
    let info = SessionInfo::parse(session).ok()?;
    Some(SessionDescription {
        version: info.version.0.into(),
        id_length: saturate(info.id_length),
        ticket_length: saturate(info.ticket_length),
        lifetime_hint: u32::try_from(info.lifetime_hint.as_secs()).unwrap_or(u32::MAX),
        max_early_data: u32::try_from(info.max_early_data).unwrap_or(u32::MAX),
        start: saturate(blob.len() - session.len()),
    })
}
