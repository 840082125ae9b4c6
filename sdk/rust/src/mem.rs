//! Memory that is never given back: what configure learns lives as long as the instance.

use core::mem::{align_of, size_of};
use core::ops::Deref;
use core::{ptr, slice};

/// Room for `n` values, zeroed. Zero bytes need not be a `T`: the caller writes before it reads.
#[cfg(target_family = "wasm")]
pub(crate) fn room<T>(n: usize) -> *mut T {
    use core::arch::wasm32::{memory_grow, memory_size, unreachable};
    extern "C" {
        static __heap_base: u8;
    }
    static mut NEXT: usize = 0;
    static mut TOP: usize = 0;
    let bytes = match n.checked_mul(size_of::<T>()) {
        Some(b) if align_of::<T>() <= 16 && b < 1 << 30 => (b + 15) & !15,
        _ => unreachable(),
    };
    // An instance has one thread. Pages come zeroed and are handed out once; pages that somebody else asked for are left alone.
    unsafe {
        if TOP == 0 {
            NEXT = (ptr::addr_of!(__heap_base) as usize + 15) & !15;
            TOP = memory_size(0) << 16;
        }
        if bytes > TOP - NEXT {
            let joined = memory_size(0) << 16 == TOP;
            let need = if joined { bytes - (TOP - NEXT) } else { bytes };
            let pages = (need + 0xffff) >> 16;
            let at = memory_grow(0, pages);
            if at == usize::MAX {
                unreachable()
            }
            if !joined {
                NEXT = at << 16;
            }
            TOP = (at + pages) << 16;
        }
        let at = NEXT;
        NEXT += bytes;
        at as *mut T
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn room<T>(n: usize) -> *mut T {
    use std::alloc::{alloc_zeroed, handle_alloc_error, Layout};
    let bytes = n * size_of::<T>();
    let layout = Layout::from_size_align(bytes.max(1), align_of::<T>().max(8)).expect("too large");
    let p = unsafe { alloc_zeroed(layout) };
    if p.is_null() {
        handle_alloc_error(layout)
    }
    p as *mut T
}

/// A copy of a text for good.
pub(crate) fn keep(bytes: &[u8]) -> &'static [u8] {
    let p = room::<u8>(bytes.len());
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), p, bytes.len());
        slice::from_raw_parts(p, bytes.len())
    }
}

/// A list that grows and never shrinks, for what configure collects. Its memory is never given back, so fill it there and not in score.
pub struct List<T: 'static> {
    p: *mut T,
    len: usize,
    cap: usize,
}

impl<T> List<T> {
    /// An empty list.
    pub const fn new() -> Self {
        List { p: ptr::null_mut(), len: 0, cap: 0 }
    }

    /// Appends an item.
    pub fn push(&mut self, item: T) {
        if self.len == self.cap {
            self.grow(1);
        }
        // Room for cap items was made.
        unsafe { self.p.add(self.len).write(item) }
        self.len += 1;
    }

    fn grow(&mut self, more: usize) {
        let cap = (2 * self.cap).max(self.len + more).max(8);
        let p = room::<T>(cap);
        if self.len > 0 {
            // The old items are moved: nobody drops or sees them any more.
            unsafe { ptr::copy_nonoverlapping(self.p, p, self.len) }
        }
        self.p = p;
        self.cap = cap;
    }

    /// The items for good.
    pub fn into_slice(self) -> &'static [T] {
        if self.len == 0 {
            return &[];
        }
        unsafe { slice::from_raw_parts(self.p, self.len) }
    }
}

impl List<u8> {
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if bytes.len() > self.cap - self.len {
            self.grow(bytes.len());
        }
        if !bytes.is_empty() {
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.p.add(self.len), bytes.len()) }
            self.len += bytes.len();
        }
    }

    pub(crate) fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n);
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // So many items were written.
        unsafe { slice::from_raw_parts(self.p, self.len) }
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.deref().iter()
    }
}
