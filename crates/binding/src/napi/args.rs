//! Arguments on the fast path: nothing is allocated, and no JavaScript value is read twice.

use std::mem::MaybeUninit;
use std::ptr;

use napi::bindgen_prelude::Result;
use napi::sys;
use tls_resumption_core::{Key, MAX_KEY_LEN};

use crate::napi::errors;

/// A JavaScript value and the environment that can read it.
#[derive(Clone, Copy)]
pub struct Arg {
    env: sys::napi_env,
    value: sys::napi_value,
}

/// V8 cuts a string that does not fit at a character boundary, up to three bytes short; with this
/// much room anything over [`MAX_KEY_LEN`] is still seen to be over it. One more byte takes the NUL.
const KEY_BUFFER: usize = MAX_KEY_LEN + 4 + 1;

impl Arg {
    /// # Safety
    /// `env` and `value` must belong to the running callback, and the argument must not outlive it.
    pub unsafe fn new(env: sys::napi_env, value: sys::napi_value) -> Self {
        Self { env, value }
    }

    /// A number; what is none reads as `NaN`.
    pub fn number(&self) -> f64 {
        let mut number = f64::NAN;
        // SAFETY: `env` and `value` belong to the running callback; the out-parameter is live.
        unsafe { sys::napi_get_value_double(self.env, self.value, &raw mut number) };
        number
    }

    /// A handle; what is none reads as 0, which is never open.
    pub fn handle(&self) -> u32 {
        let mut handle = 0;
        // SAFETY: as in `number`.
        unsafe { sys::napi_get_value_uint32(self.env, self.value, &raw mut handle) };
        handle
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        let mut is_true = false;
        // SAFETY: as in `number`.
        unsafe { sys::napi_get_value_bool(self.env, self.value, &raw mut is_true) };
        is_true
    }

    /// Lends the key, a string (as UTF-8) or the bytes of a `Uint8Array`, to `action`.
    pub fn with_key<T>(&self, action: impl FnOnce(Key<'_>) -> Result<T>) -> Result<T> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); KEY_BUFFER];
        let mut length = 0;
        // SAFETY: `env` and `value` belong to the running callback; V8 writes at most `KEY_BUFFER`
        // bytes, its terminating NUL included, and puts the count without the NUL in `length`.
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
            // SAFETY: the call above initialised the first `length` bytes.
            let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), length) };
            return action(Key::new(bytes).map_err(|error| errors::key(&error))?);
        }
        let bytes = self.bytes("key", "a string or a Uint8Array")?;
        let length = bytes.length.min(KEY_BUFFER);
        // Copied, and without a reference to the array: it may share its memory with the buffer that
        // the blob is to be written to, or with another thread.
        // SAFETY: N-API vouches for `bytes.length` bytes at `bytes.data` until the callback returns, or
        // for none where that is zero; `buffer` has room for `length` and is our own.
        unsafe { ptr::copy(bytes.data.cast_const(), buffer.as_mut_ptr().cast(), length) };
        // SAFETY: the copy has initialised the first `length` bytes.
        let key = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), length) };
        action(Key::new(key).map_err(|error| errors::key(&error))?)
    }

    /// The memory of a `Uint8Array` (a `Buffer` is one).
    pub fn bytes(&self, name: &str, expected: &str) -> Result<Bytes> {
        let mut kind = 0;
        let mut length = 0;
        let mut data = ptr::null_mut();
        // SAFETY: `env` and `value` belong to the running callback; the out-parameters are live, and
        // N-API accepts null for the two that are of no interest.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
            return Err(errors::wrong_type(name, expected));
        }
        Ok(Bytes { data: data.cast(), length })
    }
}

/// Memory that JavaScript owns. It stays where it is until the callback returns or runs JavaScript.
pub struct Bytes {
    data: *mut u8,
    length: usize,
}

impl Bytes {
    /// # Safety
    /// The slice must not outlive the running callback, no JavaScript may run meanwhile, and the
    /// array must not be backed by a `SharedArrayBuffer` (the facade refuses those).
    pub unsafe fn as_slice<'a>(&self) -> &'a [u8] {
        if self.length == 0 {
            return &[]; // N-API may give a null pointer for an empty array.
        }
        // SAFETY: N-API vouches for `length` bytes at `data`; the caller for the rest.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }

    /// # Safety
    /// As for [`Bytes::as_slice`], and no other slice of the same array may be alive.
    pub unsafe fn as_mut_slice<'a>(&self) -> &'a mut [u8] {
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: N-API vouches for `length` bytes at `data`; the caller for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.length) }
    }
}
