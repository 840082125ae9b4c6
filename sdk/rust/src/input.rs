use crate::needs::{Bool, Count, Enum, Hash, Number, Text, Time};
use core::slice;

pub(crate) const SLOT_SIZE: usize = 64;

/// The fixed part of a slot, as the host writes it.
#[repr(C)]
pub(crate) struct Slot {
    pub at: i64,
    pub now: i64,
    pub seed: u64,
    pub event: u64,
    pub kind: u32,
    pub row_first: u32,
    pub row_n: u32,
    pub state_off: u32,
    pub state_len: u32,
    pub state_cap: u32,
    pub flags: u32,
    pub reserved: u32,
}

/// One bucket of the lead's ledger. Points are milli-points, times ms. Its age in steps at time t is floor(t/step) − at/step.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What [`Needs::view`](crate::Needs::view) gave for it, the first that takes the bucket.
    pub view: u32,
    /// Awards folded into it.
    pub count: u32,
    /// Begin of the age step that its events lie in; 0 on a replaced line, which has no age.
    pub at: i64,
    /// Length of an age step.
    pub step: i64,
    /// Scope key, 0 = none.
    pub scope: u64,
    /// What was awarded.
    pub awarded: i64,
    /// What was taken back, same sign as `awarded`.
    pub reversed: i64,
    /// What remains.
    pub remaining: i64,
    /// Time of the last event in it.
    pub last: i64,
}

// Records are used in place, so they must be laid out as their encodings.
const _: [u8; SLOT_SIZE] = [0; core::mem::size_of::<Slot>()];
const _: [u8; 64] = [0; core::mem::size_of::<Row>()];

/// One slot: a lead with one input. Its columns are read in place. Its places were checked by the guest, and what stands in them is the
/// host's: the arena is as sound as the engine.
pub struct Input {
    pub(crate) arena: *const u8,
    pub(crate) slot: *const Slot,
    pub(crate) bits: *const u64,
    pub(crate) cols: *const u64,
    pub(crate) rows: *const Row,
    pub(crate) heap: *const u8,
}

impl Input {
    pub(crate) const fn new() -> Input {
        use core::ptr::null;
        Input { arena: null(), slot: null(), bits: null(), cols: null(), rows: null(), heap: null() }
    }

    pub(crate) fn fixed(&self) -> &Slot {
        unsafe { &*self.slot }
    }

    /// The input is an event of the lead.
    pub fn is_event(&self) -> bool {
        self.fixed().kind == 1
    }

    /// The time asked for by [`Output::wake`](crate::Output::wake) has come.
    pub fn is_timer(&self) -> bool {
        self.fixed().kind == 2
    }

    /// The host asks what would be true at `now` if nothing happened; the answer is discarded.
    pub fn is_probe(&self) -> bool {
        self.fixed().kind == 3
    }

    /// The time of the event, or the due time of the timer, in ms.
    pub fn at(&self) -> i64 {
        self.fixed().at
    }

    /// The lead's clock in ms; a late event has `at` before `now`.
    pub fn now(&self) -> i64 {
        self.fixed().now
    }

    /// The same for the same lead and input, for ever.
    pub fn seed(&self) -> u64 {
        self.fixed().seed
    }

    /// Names the event, for [`Output::void_event`](crate::Output::void_event); 0 on a timer.
    pub fn event_hash(&self) -> u64 {
        self.fixed().event
    }

    /// The lead has no state of this step yet.
    pub fn fresh(&self) -> bool {
        self.fixed().flags & 1 != 0
    }

    /// The lead's state blob; [`Output::set_state`](crate::Output::set_state) keeps a new one.
    pub fn state(&self) -> &[u8] {
        let s = self.fixed();
        if s.state_len == 0 {
            return &[];
        }
        unsafe { slice::from_raw_parts(self.arena.add(s.state_off as usize), s.state_len as usize) }
    }

    /// The lead's part of the ledger ([`CAP_LEDGER`](crate::CAP_LEDGER)).
    pub fn rows(&self) -> &[Row] {
        let s = self.fixed();
        if s.row_n == 0 {
            return &[];
        }
        unsafe { slice::from_raw_parts(self.rows.add(s.row_first as usize), s.row_n as usize) }
    }

    #[inline]
    fn raw(&self, handle: u32) -> Option<u64> {
        let i = (handle as usize).checked_sub(1)?;
        unsafe {
            if *self.bits.add(i >> 6) >> (i & 63) & 1 == 0 {
                return None;
            }
            Some(*self.cols.add(i))
        }
    }

    /// Reads a truth value; `None` when it is unknown.
    pub fn bool(&self, h: Bool) -> Option<bool> {
        self.raw(h.0).map(|v| v != 0)
    }

    /// A condition is known and true: the only way it may fire.
    pub fn is_true(&self, h: Bool) -> bool {
        self.bool(h) == Some(true)
    }

    /// [`enum`](Input::enum) for those who need not tell "none of them" from "unknown": both are 0.
    pub fn which(&self, h: Enum) -> usize {
        self.r#enum(h).unwrap_or(0)
    }

    /// Reads a number.
    pub fn number(&self, h: Number) -> Option<f64> {
        self.raw(h.0).map(f64::from_bits)
    }

    /// Reads a time in ms.
    pub fn time(&self, h: Time) -> Option<i64> {
        self.raw(h.0).map(|v| v as i64)
    }

    /// Reads a whole number.
    pub fn count(&self, h: Count) -> Option<i64> {
        self.raw(h.0).map(|v| v as i64)
    }

    /// Reads which literal matched, from 1; 0 and known: none of them.
    pub fn r#enum(&self, h: Enum) -> Option<usize> {
        self.raw(h.0).map(|v| v as usize)
    }

    /// Reads the hash of a text.
    pub fn hash(&self, h: Hash) -> Option<u64> {
        self.raw(h.0)
    }

    /// Reads the bytes of a text.
    pub fn bytes(&self, h: Text) -> Option<&[u8]> {
        let v = self.raw(h.0)?;
        let len = (v >> 32) as usize;
        if len == 0 {
            return Some(&[]);
        }
        Some(unsafe { slice::from_raw_parts(self.heap.add(v as u32 as usize), len) })
    }

    /// Reads a text; one that is no UTF-8 is unknown.
    pub fn text(&self, h: Text) -> Option<&str> {
        core::str::from_utf8(self.bytes(h)?).ok()
    }
}
