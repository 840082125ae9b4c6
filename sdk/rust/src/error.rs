use core::fmt::{self, Write};

/// The most bytes of an error's text.
pub(crate) const MAX_TEXT: usize = 1024;

/// Why an input cannot be scored, or a configuration not be taken: a text. Longer texts than 1,024 bytes are cut.
///
/// ```
/// let plain: ripen::Error = "the quote has no currency".into();
/// let made = ripen::error!("a quote of {} in {}", 7, "EUR");
/// assert_eq!(made.text(), b"a quote of 7 in EUR");
/// ```
pub struct Error(Repr);

enum Repr {
    Fixed(&'static str),
    Made(Block),
}

/// Makes an [`Error`] as `format!` makes a text.
#[macro_export]
macro_rules! error {
    ($($arg:tt)*) => { $crate::Error::format(format_args!($($arg)*)) };
}

impl Error {
    /// An error of a made text, see [`error!`](crate::error).
    pub fn format(args: fmt::Arguments) -> Error {
        let mut b = Block::new();
        let _ = b.write_fmt(args); // what does not fit is cut
        Error(Repr::Made(b))
    }

    /// The text, cut to its most bytes.
    pub fn text(&self) -> &[u8] {
        match &self.0 {
            Repr::Fixed(s) => &s.as_bytes()[..s.len().min(MAX_TEXT)],
            Repr::Made(b) => b.bytes(),
        }
    }
}

impl From<&'static str> for Error {
    fn from(text: &'static str) -> Error {
        Error(Repr::Fixed(text))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match core::str::from_utf8(self.text()) {
            Ok(s) => f.write_str(s),
            Err(e) => f.write_str(core::str::from_utf8(&self.text()[..e.valid_up_to()]).unwrap_or("")),
        }
    }
}

struct Buffer {
    len: usize,
    bytes: [u8; MAX_TEXT],
    next: *mut Buffer,
}

/// A buffer that goes back to a list of free ones, so that errors leave nothing behind without an allocator.
struct Block(*mut Buffer);

#[cfg(target_family = "wasm")]
static mut FREE: *mut Buffer = core::ptr::null_mut();

impl Block {
    #[cfg(target_family = "wasm")]
    fn new() -> Block {
        // An instance has one thread.
        unsafe {
            let p = if FREE.is_null() {
                crate::mem::room::<Buffer>(1)
            } else {
                let p = FREE;
                FREE = (*p).next;
                p
            };
            (*p).len = 0;
            Block(p)
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn new() -> Block {
        Block(Box::into_raw(Box::new(Buffer { len: 0, bytes: [0; MAX_TEXT], next: core::ptr::null_mut() })))
    }

    fn bytes(&self) -> &[u8] {
        // The buffer is this block's alone until it is dropped.
        let b = unsafe { &*self.0 };
        &b.bytes[..b.len.min(MAX_TEXT)]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        #[cfg(target_family = "wasm")]
        unsafe {
            (*self.0).next = FREE;
            FREE = self.0;
        }
        #[cfg(not(target_family = "wasm"))]
        unsafe {
            let b = Box::from_raw(self.0);
            debug_assert!(b.next.is_null());
        }
    }
}

impl Write for Block {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let b = unsafe { &mut *self.0 };
        for &c in s.as_bytes() {
            if b.len == MAX_TEXT {
                return Err(fmt::Error);
            }
            b.bytes[b.len] = c;
            b.len += 1;
        }
        Ok(())
    }
}
