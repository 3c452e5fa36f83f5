//! Seals secrets that leave the process: AES-256-GCM (NIST SP 800-38D).
//!
//! The ciphers of Node.js return the plaintext in memory that they reallocate. A copy then stays in memory that was freed.
//! Here the plaintext is only in the buffers of the caller, who wipes them. The key schedule is wiped as well.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce, Tag};
use napi::bindgen_prelude::Result;
use napi::sys::{napi_callback_info, napi_env, napi_value};

use crate::napi::args::{Arg, Bytes};
use crate::napi::errors;
use crate::napi::raw_callback::{Value, enter};

const TAG_LEN: usize = 16;

/// What both functions are called with: `key`, `nonce`, `boundTo`, the bytes to read, and the bytes to write.
type Arrays = [Bytes; 5];

fn arrays([key, nonce, bound_to, input, out]: [Arg; 5]) -> Result<Arrays> {
    Ok([
        key.scratch("key")?,
        nonce.scratch("nonce")?,
        bound_to.scratch("boundTo")?,
        input.scratch("input")?,
        out.scratch("out")?,
    ])
}

/// Calls `action` with the cipher, and with all arrays but the key.
///
/// # Safety
///
/// As for [`Bytes::as_mut_slice`].
unsafe fn with_cipher<T>(
    [key, nonce, bound_to, input, out]: &mut Arrays,
    action: impl FnOnce(&Aes256Gcm, &Nonce<U12>, &[u8], &[u8], &mut [u8]) -> Result<T>,
) -> Result<T> {
    // SAFETY: the caller guarantees it.
    let key = unsafe { key.as_slice() };
    // SAFETY: as above.
    let nonce = unsafe { nonce.as_slice() };
    // SAFETY: as above.
    let bound_to = unsafe { bound_to.as_slice() };
    // SAFETY: as above.
    let input = unsafe { input.as_slice() };
    // SAFETY: as above.
    let out = unsafe { out.as_mut_slice() };
    let cipher =
        Aes256Gcm::new_from_slice(key).map_err(|_| errors::wrong_type("key", "32 bytes"))?;
    let nonce = nonce.try_into().map_err(|_| errors::wrong_type("nonce", "12 bytes"))?;
    action(&cipher, nonce, bound_to, input, out)
}

/// `aeadSeal(key, nonce, boundTo, secret, out)`: writes ciphertext and tag into `out`, which is 16 bytes longer than the
/// secret. `boundTo` is authenticated with it.
pub unsafe extern "C" fn seal(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [key, nonce, bound_to, secret, out, _]| {
        let mut arrays = arrays([key, nonce, bound_to, secret, out])?;
        let run = |cipher: &Aes256Gcm, nonce: &_, bound_to: &_, secret: &_, out: &mut [u8]| {
            let wrong_length = || errors::wrong_type("out", "16 bytes longer than the secret");
            let (sealed, tag) = out.split_last_chunk_mut::<TAG_LEN>().ok_or_else(wrong_length)?;
            let buffer = InOutBuf::new(secret, sealed).map_err(|_| wrong_length())?;
            let made = cipher.encrypt_inout_detached(nonce, bound_to, buffer);
            *tag = made.map_err(|_| errors::wrong_type("secret", "shorter"))?.into();
            Ok(Value::Boolean(true))
        };
        // SAFETY: nothing here runs JavaScript. Only the facade calls this, with an `out` that it has just made.
        unsafe { with_cipher(&mut arrays, run) }
    })
}

/// `aeadOpen(key, nonce, boundTo, sealed, out)`: writes the secret into `out`, which is 16 bytes shorter than ciphertext
/// and tag. Returns false, and writes nothing, if they were not sealed like that.
pub unsafe extern "C" fn open(env: napi_env, info: napi_callback_info) -> napi_value {
    enter(env, info, |_, [key, nonce, bound_to, sealed, out, _]| {
        let mut arrays = arrays([key, nonce, bound_to, sealed, out])?;
        let run = |cipher: &Aes256Gcm, nonce: &_, bound_to: &_, sealed: &[u8], out: &mut [u8]| {
            let wrong_length = || errors::wrong_type("out", "16 bytes shorter than the input");
            let (sealed, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or_else(wrong_length)?;
            let buffer = InOutBuf::new(sealed, out).map_err(|_| wrong_length())?;
            // The tag is compared, in constant time, before anything is decrypted.
            let opened = cipher.decrypt_inout_detached(nonce, bound_to, buffer, &Tag::from(*tag));
            Ok(Value::Boolean(opened.is_ok()))
        };
        // SAFETY: as in `seal`.
        unsafe { with_cipher(&mut arrays, run) }
    })
}
