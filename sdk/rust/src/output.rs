use crate::needs::{Flag, Grade, Reason, RuleId, Text};

pub(crate) const RESULT_SIZE: usize = 48;
pub(crate) const ENTRY_SIZE: usize = 32;

/// What a plugin says of one slot, in the arena.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Record {
    pub status: u32,
    pub flags: u32,
    pub out: u64,
    pub wake_at: i64,
    pub grade: u16,
    pub reason: u16,
    pub state_len: u32,
    pub entry_first: u32,
    pub entry_n: u32,
    pub text_off: u32,
    pub text_len: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Entry {
    pub kind: u8,
    pub flags: u8,
    pub rule: u16,
    pub slot: u32,
    pub delta: i64,
    pub scope: u64,
    pub target: u32,
    pub label: u32,
}

const _: [u8; RESULT_SIZE] = [0; core::mem::size_of::<Record>()];
const _: [u8; ENTRY_SIZE] = [0; core::mem::size_of::<Entry>()];

const AWARD: u8 = 1;
const REPLACE: u8 = 2;
const ADJUST: u8 = 3;
const VOID: u8 = 4;
const VOID_EVENT: u8 = 1;
const ELSE: u8 = 2;

// What keeps a slot from being done when score returns without an error.
pub(crate) const OVER: u32 = 1; // the ring was too small for it
pub(crate) const TOO_BIG: u32 = 2; // the state did not fit
pub(crate) const DIRTY: u32 = 4; // it does count, once its state is copied

/// What a plugin says of one slot. It counts as a whole when `score` returns without an error.
pub struct Output {
    pub(crate) result: *mut Record,
    pub(crate) ring: *mut Entry,
    pub(crate) ring_n: u32, // entries in the ring, earlier slots of the call included
    pub(crate) limit: u32,
    pub(crate) first: u32, // ring_n when the slot began
    pub(crate) slot: u32,
    pub(crate) row_first: u32,
    pub(crate) todo: u32,
    pub(crate) state: *mut u8, // scratch
    pub(crate) state_max: usize,
}

impl Output {
    pub(crate) const fn new() -> Output {
        use core::ptr::null_mut;
        Output { result: null_mut(), ring: null_mut(), ring_n: 0, limit: 0, first: 0, slot: 0, row_first: 0, todo: 0, state: null_mut(), state_max: 0 }
    }

    pub(crate) fn record(&mut self) -> &mut Record {
        // The guest has checked where it lies.
        unsafe { &mut *self.result }
    }

    #[inline]
    fn push(&mut self, e: Entry) {
        if self.ring_n >= self.limit {
            self.todo |= OVER;
            return;
        }
        unsafe { self.ring.add(self.ring_n as usize).write(Entry { slot: self.slot, ..e }) }
        self.ring_n += 1;
    }

    /// Adds milli-points under the rule, as far as its scope and caps allow. The ledger line is labelled with the event's name.
    pub fn award(&mut self, r: RuleId, milli: i64) {
        self.push(Entry { kind: AWARD, rule: r.0, delta: milli, ..Entry::default() });
    }

    /// `award` with a label: the text that says what was done.
    pub fn award_for(&mut self, r: RuleId, milli: i64, label: Text) {
        self.push(Entry { kind: AWARD, rule: r.0, delta: milli, label: label.0, ..Entry::default() });
    }

    /// `award_for` under a scope key of the plugin's own making, which must not be 0.
    pub fn award_scoped(&mut self, r: RuleId, milli: i64, label: Text, scope: u64) {
        self.push(Entry { kind: AWARD, rule: r.0, delta: milli, scope, label: label.0, ..Entry::default() });
    }

    /// Makes `milli` the only line of the rule.
    pub fn replace(&mut self, r: RuleId, milli: i64, label: Text) {
        self.push(Entry { kind: REPLACE, rule: r.0, delta: milli, label: label.0, ..Entry::default() });
    }

    /// Changes what remains of row `i` of [`Input::rows`](crate::Input::rows) by `milli`.
    pub fn adjust(&mut self, i: usize, milli: i64) {
        self.push(Entry { kind: ADJUST, delta: milli, target: self.row_first.wrapping_add(i as u32), ..Entry::default() });
    }

    /// Takes back all that is left under the rule and the scope key that this event has for it, and frees the key.
    pub fn void(&mut self, r: RuleId) {
        self.push(Entry { kind: VOID, rule: r.0, ..Entry::default() });
    }

    /// Follows `void`: it counts only if there was never anything to take back.
    pub fn award_else(&mut self, r: RuleId, milli: i64) {
        self.push(Entry { kind: AWARD, flags: ELSE, rule: r.0, delta: milli, ..Entry::default() });
    }

    /// Takes back all that is left of the awards of an earlier event ([`CAP_VOID`](crate::CAP_VOID)), named by its
    /// [`Input::event_hash`](crate::Input::event_hash).
    pub fn void_event(&mut self, event: u64) {
        self.push(Entry { kind: VOID, flags: VOID_EVENT, scope: event, ..Entry::default() });
    }

    /// Hides this event from later steps and from counters ([`CAP_VOID`](crate::CAP_VOID)).
    pub fn hide(&mut self) {
        self.record().flags |= 1;
    }

    /// Says the lead's grade and why.
    pub fn grade(&mut self, g: Grade, why: Reason) {
        let r = self.record();
        r.grade = g.0;
        r.reason = why.0;
    }

    /// Sets a named flag; flags are off unless set.
    pub fn flag(&mut self, f: Flag, on: bool) {
        let bit = 1u64.checked_shl(u32::from(f.0)).unwrap_or(0);
        if on {
            self.record().out |= bit;
        } else {
            self.record().out &= !bit;
        }
    }

    /// Asks to be called again at that time in ms ([`CAP_TIMERS`](crate::CAP_TIMERS), or a memoryless step). The earliest of several wins;
    /// times that are not after the lead's clock are an error of the plugin; 0 asks for nothing.
    pub fn wake(&mut self, at: i64) {
        let r = self.record();
        if at != 0 && (r.wake_at == 0 || at < r.wake_at) {
            r.wake_at = at;
        }
    }

    /// Keeps a new state blob of at most `STATE_MAX` bytes, copied here.
    pub fn set_state(&mut self, bytes: &[u8]) {
        if bytes.len() > self.state_max {
            self.todo |= TOO_BIG;
            return;
        }
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.state, bytes.len()) }
        let r = self.record();
        r.state_len = bytes.len() as u32;
        r.flags |= 2;
        self.todo |= DIRTY;
    }
}
