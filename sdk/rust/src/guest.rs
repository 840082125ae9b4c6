use crate::config::{get32, Config};
use crate::error::Error;
use crate::input::{Input, Slot, SLOT_SIZE};
use crate::mem::room;
use crate::needs::Needs;
use crate::output::{Output, Record, ENTRY_SIZE, OVER, RESULT_SIZE, TOO_BIG};
use crate::{Plugin, Unmigrated};
use core::{ptr, slice};

const HEADER_SIZE: usize = 128;
const MAX_ARENA: u32 = 4 << 20;
const DEFAULT_ARENA: u32 = 2 << 20;
const MAX_STATE: usize = 64 << 10;
const MAX_ROUND: u32 = 1024;
const ROW_SIZE: usize = 64;

const UNREADY: i32 = -1; // called before configure and bind succeeded
const LAYOUT: i32 = -2; // the header names places outside the arena

// Offsets of the arena header's fields.
const N: usize = 4;
const FIRST: usize = 8;
const SLOTS: usize = 16;
const STRIDE: usize = 20;
const WORDS: usize = 28;
const ROWS: usize = 32;
const ROWS_N: usize = 36;
const RESULTS: usize = 40;
const ENTRIES: usize = 44;
const ENTRIES_CAP: usize = 48;
const ENTRIES_N: usize = 52;
const CURSOR: usize = 56;
const TEXT: usize = 60;
const TEXT_CAP: usize = 64;
const TEXT_N: usize = 68;
const HEAP: usize = 72;
const HEAP_N: usize = 76;

/// The guest side of the contract for one configured plugin: arena, loop, cursor and errors. The exports of a module call it, and so does the
/// native test host, so that both run the same code.
pub struct Guest<P> {
    descriptor: [u8; 64],
    arena: *mut u8,
    size: u32,
    configured: bool,
    bound: bool,
    plugin: Option<P>,
    inputs: u32,
    rules: u32,
    input: Input,
    out: Output,
    old: *mut u8, // a state that is being converted
}

fn words(inputs: u32) -> u32 {
    (inputs + 63) / 64
}

fn stride(inputs: u32) -> u32 {
    SLOT_SIZE as u32 + 8 * words(inputs) + 8 * inputs
}

impl<P: Plugin> Guest<P> {
    /// A guest without an arena.
    pub const fn new() -> Self {
        Guest {
            descriptor: [0; 64],
            arena: ptr::null_mut(),
            size: 0,
            configured: false,
            bound: false,
            plugin: None,
            inputs: 0,
            rules: 0,
            input: Input::new(),
            out: Output::new(),
            old: ptr::null_mut(),
        }
    }

    /// The encoded descriptor.
    pub fn describe(&mut self) -> &[u8] {
        let d = &mut self.descriptor;
        d[..4].copy_from_slice(b"RPEN");
        d[8..16].copy_from_slice(&P::CAPS.to_le_bytes());
        let arena = if P::ARENA_WANT == 0 { DEFAULT_ARENA } else { P::ARENA_WANT };
        let fields = [P::STATE_MAX, P::STATE_VERSION, MAX_ROUND, arena, SLOT_SIZE as u32, RESULT_SIZE as u32, ENTRY_SIZE as u32, ROW_SIZE as u32];
        for (i, v) in fields.iter().enumerate() {
            d[16 + 4 * i..20 + 4 * i].copy_from_slice(&v.to_le_bytes());
        }
        d
    }

    /// Makes the arena, once; null = refused.
    pub fn reserve_new(&mut self, size: u32) -> *const u8 {
        if !self.arena.is_null() || size < HEADER_SIZE as u32 || size > MAX_ARENA {
            return ptr::null();
        }
        // Memory is handed out in multiples of 16 bytes.
        self.arena = room::<u64>((size as usize + 7) / 8) as *mut u8;
        self.size = size;
        self.arena
    }

    /// The arena.
    pub fn arena(&mut self) -> &mut [u8] {
        if self.arena.is_null() {
            return &mut [];
        }
        unsafe { slice::from_raw_parts_mut(self.arena, self.size as usize) }
    }

    fn inside(&self, off: u32, len: u32) -> Option<&[u8]> {
        if self.arena.is_null() || u64::from(off) + u64::from(len) > u64::from(self.size) {
            return None;
        }
        Some(unsafe { slice::from_raw_parts(self.arena.add(off as usize), len as usize) })
    }

    /// Reads the blob in the arena, runs the plugin's configure and returns the answer: u32 length, needs.
    pub fn configure(&mut self, off: u32, len: u32) -> Option<&'static [u8]> {
        if self.configured {
            return None;
        }
        let root = Config::decode(self.inside(off, len)?)?;
        self.configured = true;
        self.out.state_max = P::STATE_MAX as usize;
        self.out.state = room::<u8>(self.out.state_max);
        let mut needs = Needs::new();
        match P::configure(root, &mut needs) {
            Ok(p) => self.plugin = Some(p),
            Err(e) => needs.diag(1, root, "configuration", "the plugin refuses its configuration", e.text()),
        }
        let (inputs, rules) = needs.counts();
        self.inputs = inputs;
        self.rules = rules;
        Some(needs.encode())
    }

    /// Accepts the layout of the slots; negative when it is not the one that the needs call for.
    pub fn bind(&mut self, off: u32, len: u32) -> i32 {
        let b = match self.inside(off, len) {
            Some(b) if self.plugin.is_some() && b.len() >= 16 => b,
            _ => return UNREADY,
        };
        if [get32(b, 0), get32(b, 4), get32(b, 8), get32(b, 12)] != [stride(self.inputs), self.inputs, words(self.inputs), self.rules] {
            return LAYOUT;
        }
        self.bound = true;
        0
    }

    #[inline]
    fn get(&self, off: usize) -> u32 {
        unsafe { *(self.arena.add(off) as *const u32) }
    }

    fn put(&mut self, off: usize, v: u32) {
        // Volatile: the host reads the cursor after a trap.
        unsafe { (self.arena.add(off) as *mut u32).write_volatile(v) }
    }

    fn fits(&self, off: usize, n: u32, size: usize) -> bool {
        u64::from(self.get(off)) + u64::from(n) * size as u64 <= u64::from(self.size)
    }

    /// Checks the header against the arena once a call and points input and output at their sections.
    fn prepare(&mut self, n: u32) -> bool {
        let ok = self.fits(SLOTS, n, self.get(STRIDE) as usize)
            && self.fits(ROWS, self.get(ROWS_N), ROW_SIZE)
            && self.fits(RESULTS, n, RESULT_SIZE)
            && self.fits(ENTRIES, self.get(ENTRIES_CAP), ENTRY_SIZE)
            && self.fits(TEXT, self.get(TEXT_CAP), 1)
            && self.fits(HEAP, self.get(HEAP_N), 1)
            && self.get(STRIDE) == stride(self.inputs)
            && self.get(FIRST) <= n;
        if !ok {
            return false;
        }
        unsafe {
            self.input.arena = self.arena;
            self.input.rows = self.arena.add(self.get(ROWS) as usize) as *const _;
            self.input.heap = self.arena.add(self.get(HEAP) as usize);
            self.out.ring = self.arena.add(self.get(ENTRIES) as usize) as *mut _;
        }
        self.out.ring_n = 0;
        self.out.todo = 0;
        self.out.limit = self.get(ENTRIES_CAP);
        true
    }

    /// Scores slots FIRST…n-1 of the round in the arena. It returns how many slots of the round are done, fewer than n when the room for
    /// entries was used up; negative is a protocol error.
    pub fn process(&mut self, n: i32) -> i32 {
        if !self.bound {
            return UNREADY;
        }
        if n < 0 || n as u32 != self.get(N) || !self.prepare(n as u32) {
            return LAYOUT;
        }
        let mut text = 0;
        let done = self.round(n as u32, &mut text);
        self.put(CURSOR, done);
        self.put(ENTRIES_N, self.out.ring_n);
        self.put(TEXT_N, text);
        done as i32
    }

    /// Runs the slots from FIRST on and returns the first that is not done.
    fn round(&mut self, n: u32, text: &mut u32) -> u32 {
        // The plugin stays where it is and is only read, while the rest of the guest changes.
        let plugin: &P = match &self.plugin {
            Some(p) => unsafe { &*(p as *const P) },
            None => return 0,
        };
        let first = self.get(FIRST);
        let size = self.get(STRIDE) as usize;
        let cols = SLOT_SIZE + 8 * self.get(WORDS) as usize;
        let mut i = first;
        let mut slot = unsafe { self.arena.add(self.get(SLOTS) as usize + first as usize * size) };
        let mut result = unsafe { (self.arena.add(self.get(RESULTS) as usize) as *mut Record).add(first as usize) };
        while i < n {
            // Written before the slot, so that the host knows which one broke.
            self.put(CURSOR, i);
            unsafe {
                self.input.slot = slot as *const Slot;
                self.input.bits = slot.add(SLOT_SIZE) as *const u64;
                self.input.cols = slot.add(cols) as *const u64;
            }
            self.out.slot = i;
            self.out.result = result;
            self.out.first = self.out.ring_n;
            self.out.row_first = self.input.fixed().row_first;
            let said = plugin.score(&self.input, &mut self.out);
            if (said.is_err() || self.out.todo != 0) && !self.commit(said, text) {
                break;
            }
            let (first, end) = (self.out.first, self.out.ring_n);
            let r = self.out.record();
            r.entry_first = first;
            r.entry_n = end - first;
            unsafe {
                slot = slot.add(size);
                result = result.add(1);
            }
            i += 1;
        }
        i
    }

    /// Ends a slot that needs more than its entries. False: there was no room left in this call; the slot has left no trace and is to be run
    /// again.
    fn commit(&mut self, said: Result<(), Error>, text: &mut u32) -> bool {
        const STATE: &str = "the new state is larger than the plugin's StateMax";
        let todo = self.out.todo;
        self.out.todo = 0;
        let why: Error = match said {
            Err(e) => e,
            Ok(()) if todo & TOO_BIG != 0 => STATE.into(),
            Ok(()) if todo & OVER != 0 => {
                self.out.ring_n = self.out.first;
                if self.out.first > 0 {
                    *self.out.record() = Record::default();
                    return false;
                }
                "the plugin wrote more entries for one input than the host has room for".into()
            }
            Ok(()) => {
                let (off, cap) = (self.input.fixed().state_off as usize, self.input.fixed().state_cap);
                let len = self.out.record().state_len;
                if len <= cap {
                    unsafe { ptr::copy_nonoverlapping(self.out.state, self.arena.add(off), len as usize) }
                    return true;
                }
                STATE.into()
            }
        };
        self.out.ring_n = self.out.first;
        self.fail(&why, text)
    }

    /// Writes a soft error. Its text never depends on the round: when the rest of the text area is too small the slot waits for the next
    /// call.
    fn fail(&mut self, why: &Error, text: &mut u32) -> bool {
        let mut message = why.text();
        let left = (self.get(TEXT_CAP) - *text) as usize;
        if message.len() > left {
            if *text > 0 {
                *self.out.record() = Record::default();
                return false;
            }
            message = &message[..left];
        }
        let at = self.get(TEXT) + *text;
        unsafe { ptr::copy_nonoverlapping(message.as_ptr(), self.arena.add(at as usize), message.len()) }
        *self.out.record() = Record { status: 1, text_off: *text, text_len: message.len() as u32, ..Record::default() };
        *text += message.len() as u32;
        true
    }

    /// Converts the state in the arena.
    pub fn migrate(&mut self, from: u32, to: u32) -> i32 {
        if self.arena.is_null() {
            return -2;
        }
        let (len, cap) = (self.get(0) as usize, self.get(4) as usize);
        if len > MAX_STATE || HEADER_SIZE as u64 + len.max(cap) as u64 > u64::from(self.size) {
            return -2;
        }
        if self.old.is_null() {
            self.old = room::<u8>(MAX_STATE);
        }
        // The old state is copied: the new one takes its place.
        let (old, out) = unsafe {
            let state = self.arena.add(HEADER_SIZE);
            ptr::copy_nonoverlapping(state, self.old, len);
            (slice::from_raw_parts(self.old, len), slice::from_raw_parts_mut(state, cap))
        };
        match P::migrate(old, from, to, out) {
            Err(Unmigrated::Version) => -1,
            Err(Unmigrated::Blob) => -2,
            Ok(_) if len == 0 => 0,
            Ok(n) if n > cap || (to == P::STATE_VERSION && n > P::STATE_MAX as usize) => -2,
            Ok(n) => {
                self.put(0, n as u32);
                0
            }
        }
    }
}

impl<P: Plugin> Default for Guest<P> {
    fn default() -> Self {
        Self::new()
    }
}
