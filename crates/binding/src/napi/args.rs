//! Reads the arguments of raw callbacks. Nothing is allocated in the usual case, and no JavaScript value is read twice.

use std::mem::MaybeUninit;
use std::ptr;

use napi::bindgen_prelude::{Result, check_status};
use napi::sys;
use tls_resumption_core::{Key, MAX_KEY_LEN};

use crate::napi::errors;

/// A JavaScript value and the environment that can read it.
#[derive(Clone, Copy)]
pub struct Arg {
    env: sys::napi_env,
    value: sys::napi_value,
}

/// V8 cuts a string that does not fit at a character boundary, up to three bytes early. With this much room a key over
/// [`MAX_KEY_LEN`] is still recognized. One more byte is for the NUL.
const KEY_BUFFER: usize = MAX_KEY_LEN + 4 + 1;

/// U+FFFD in UTF-8. V8 writes it for a lone surrogate.
const REPLACEMENT: [u8; 3] = [0xef, 0xbf, 0xbd];

impl Arg {
    /// # Safety
    ///
    /// `env` and `value` must belong to the running callback, and the argument must not outlive it.
    pub unsafe fn new(env: sys::napi_env, value: sys::napi_value) -> Self {
        Self { env, value }
    }

    /// Returns a number, or `NaN` for another value.
    pub fn number(&self) -> f64 {
        let mut number = f64::NAN;
        // SAFETY: `env` and `value` belong to the running callback; the out-parameter is live.
        unsafe { sys::napi_get_value_double(self.env, self.value, &raw mut number) };
        number
    }

    /// Returns a handle, or 0, which is never open, for another value.
    pub fn handle(&self) -> u32 {
        let mut handle = 0;
        // SAFETY: as in `number`.
        unsafe { sys::napi_get_value_uint32(self.env, self.value, &raw mut handle) };
        handle
    }

    /// True if the value is `true`.
    pub fn is_true(&self) -> bool {
        let mut is_true = false;
        // SAFETY: as in `number`.
        unsafe { sys::napi_get_value_bool(self.env, self.value, &raw mut is_true) };
        is_true
    }

    /// Calls `action` with the key: a string, or the bytes of a `Uint8Array`.
    ///
    /// The key of a string is its UTF-8. A string with a lone surrogate has none; its key is its WTF-8, so that no two
    /// strings share a key.
    pub fn with_key<T>(&self, action: impl FnOnce(Key<'_>) -> Result<T>) -> Result<T> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); KEY_BUFFER];
        let mut length = 0;
        // SAFETY: `env` and `value` belong to the running callback. V8 writes at most `KEY_BUFFER`
        // bytes, including its NUL, and stores their number without the NUL in `length`.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                self.value,
                buffer.as_mut_ptr().cast(),
                KEY_BUFFER,
                &raw mut length,
            )
        };
        if status == sys::Status::napi_ok {
            // SAFETY: the call above initialized the first `length` bytes.
            let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), length) };
            // The first byte is rare, and a search for one byte is several times faster.
            if bytes.contains(&REPLACEMENT[0])
                && bytes.windows(REPLACEMENT.len()).any(|window| window == REPLACEMENT)
            {
                return with_bytes(&self.wtf8()?, action);
            }
            return with_bytes(bytes, action);
        }
        let bytes = self.bytes("key", "a string or a Uint8Array")?;
        let length = bytes.length.min(KEY_BUFFER);
        // Copied without a reference to the array, because it may share its memory with the buffer for the blob.
        // SAFETY: N-API guarantees `bytes.length` bytes at `bytes.data` until the callback returns; `buffer` has room for
        // `length` and belongs to this function.
        unsafe { ptr::copy(bytes.data.cast_const(), buffer.as_mut_ptr().cast(), length) };
        // SAFETY: the copy has initialized the first `length` bytes.
        let key = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), length) };
        with_bytes(key, action)
    }

    /// Returns a string as WTF-8, in which a lone surrogate has three bytes of its own.
    fn wtf8(&self) -> Result<Vec<u8>> {
        let mut units = vec![0_u16; KEY_BUFFER];
        let mut length = 0;
        // SAFETY: as in `with_key`; V8 writes at most `KEY_BUFFER` units.
        check_status!(unsafe {
            sys::napi_get_value_string_utf16(
                self.env,
                self.value,
                units.as_mut_ptr(),
                KEY_BUFFER,
                &raw mut length,
            )
        })?;
        Ok(to_wtf8(&units[..length]))
    }

    /// Returns the memory of a `Uint8Array` (a `Buffer` is one) of the caller. Refuses memory that other threads share.
    pub fn bytes(&self, name: &str, expected: &str) -> Result<Bytes> {
        let mut buffer = ptr::null_mut();
        let bytes = self.typed_array(name, expected, &raw mut buffer)?;
        let mut is_private = false;
        // False for a `SharedArrayBuffer`.
        // SAFETY: `buffer` belongs to the running callback; the out-parameter is live.
        unsafe { sys::napi_is_arraybuffer(self.env, buffer, &raw mut is_private) };
        if !is_private {
            return Err(errors::wrong_type(name, "memory that no other thread shares"));
        }
        Ok(bytes)
    }

    /// Returns the memory of a `Uint8Array` that only the facade knows, and never shares.
    pub fn scratch(&self, name: &str) -> Result<Bytes> {
        self.typed_array(name, "a Uint8Array", ptr::null_mut())
    }

    /// `buffer`: null, or live memory for the `ArrayBuffer`, which takes longer than the rest.
    fn typed_array(
        &self,
        name: &str,
        expected: &str,
        buffer: *mut sys::napi_value,
    ) -> Result<Bytes> {
        let mut kind = 0;
        let mut length = 0;
        let mut data = ptr::null_mut();
        // SAFETY: `env` and `value` belong to the running callback; the out-parameters are live, and
        // N-API accepts null for the buffer and the offset.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                buffer,
                ptr::null_mut(),
            )
        };
        if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
            return Err(errors::wrong_type(name, expected));
        }
        Ok(Bytes { data: data.cast(), length })
    }
}

fn with_bytes<T>(bytes: &[u8], action: impl FnOnce(Key<'_>) -> Result<T>) -> Result<T> {
    action(Key::new(bytes).map_err(|error| errors::key(&error))?)
}

fn to_wtf8(units: &[u16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(units.len() * 3);
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                let middle = 0x80 | (high & 0x0f) << 2 | low >> 6;
                out.extend([0xe0 | high >> 4, middle, 0x80 | low & 0x3f]);
            }
        }
    }
    out
}

/// Memory that JavaScript owns. It stays in place until the callback returns or runs JavaScript.
pub struct Bytes {
    data: *mut u8,
    length: usize,
}

impl Bytes {
    /// # Safety
    ///
    /// No JavaScript may run while the slice is used, and it must not outlive the running callback.
    pub unsafe fn as_slice(&self) -> &[u8] {
        if self.length == 0 {
            return &[]; // N-API may give a null pointer for an empty array.
        }
        // SAFETY: N-API guarantees `length` bytes at `data`, which no other thread changes; the caller guarantees the rest.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }

    /// # Safety
    ///
    /// As for [`Bytes::as_slice`], and no other slice of the same array may be in use.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: as in `as_slice`.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.length) }
    }
}
