use zeroize::Zeroizing;

use crate::{ANNOTATION_LEN, Blob, BufferTooSmall};

/// The way in which an entry is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// The newest entry, which stays as it is.
    Get,
    /// The newest entry that was not offered yet, or else the newest. It counts as offered.
    Offer,
    /// The newest entry, which is removed.
    Take,
}

/// The memory that a blob is copied to.
pub(crate) trait Destination {
    /// True if the annotation is copied as well, in front of the blob.
    const TAKES_ANNOTATION: bool = false;

    /// Returns room for a blob of that length, and for an annotation if it takes one. Called again, with another length, if
    /// the blob has changed.
    fn reserve(&mut self, needed: usize) -> Result<&mut [u8], BufferTooSmall>;
}

impl Destination for &mut [u8] {
    fn reserve(&mut self, needed: usize) -> Result<&mut [u8], BufferTooSmall> {
        self.get_mut(..needed).ok_or(BufferTooSmall { needed })
    }
}

/// The memory of a caller for an annotation and a blob.
pub(crate) struct AnnotatedBuffer<'a>(pub(crate) &'a mut [u8]);

impl Destination for AnnotatedBuffer<'_> {
    const TAKES_ANNOTATION: bool = true;

    fn reserve(&mut self, needed: usize) -> Result<&mut [u8], BufferTooSmall> {
        let needed = needed + ANNOTATION_LEN;
        self.0.get_mut(..needed).ok_or(BufferTooSmall { needed })
    }
}

/// Memory that becomes a [`Blob`].
#[derive(Default)]
pub(crate) struct OwnedBuffer(Zeroizing<Box<[u8]>>);

impl OwnedBuffer {
    pub(crate) fn into_blob(self) -> Blob {
        Blob::new(self.0)
    }
}

impl Destination for OwnedBuffer {
    fn reserve(&mut self, needed: usize) -> Result<&mut [u8], BufferTooSmall> {
        if self.0.len() != needed {
            self.0 = Zeroizing::new(vec![0; needed].into_boxed_slice());
        }
        Ok(&mut self.0)
    }
}
