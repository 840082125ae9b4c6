// The guest side of the contract: arena, loop, cursor, errors, heap.
import { BLOCK_OVERHEAD } from "rt/common";
import { decodeConfig } from "./config";
import { Needs } from "./needs";
import { Plugin } from "./plugin";
import { Input, Output, OVER, TOO_BIG } from "./slot";

const HEADER_SIZE: u32 = 128;
const MAX_ARENA: u32 = 4 << 20;
const DEFAULT_ARENA: u32 = 2 << 20;
const MAX_ROUND: u32 = 1024;
const MAX_TEXT: u32 = 1024;
const SLOT_SIZE: u32 = 64;
const ROW_SIZE: u32 = 64;
const RESULT_SIZE: u32 = 48;
const ENTRY_SIZE: u32 = 32;
const UNREADY: i32 = -1; // called before configure and bind succeeded
const LAYOUT: i32 = -2; // the header names places outside the arena

// Offsets of the arena header's fields.
const H_N = 4, H_FIRST = 8, H_SLOTS = 16, H_STRIDE = 20, H_WORDS = 28, H_ROWS = 32, H_ROWS_N = 36, H_RESULTS = 40, H_ENTRIES = 44;
const H_ENTRIES_CAP = 48, H_ENTRIES_N = 52, H_CURSOR = 56, H_TEXT = 60, H_TEXT_CAP = 64, H_TEXT_N = 68, H_HEAP = 72, H_HEAP_N = 76;

let plugin: Plugin | null = null;
let arena: usize = 0;
let size: u32 = 0;
let configured: bool = false;
let refused: bool = false;
let bound: bool = false;
let inputs: u32 = 0;
let rules: u32 = 0;
const input = new Input();
const out = new Output();
const descriptor = memory.data(64, 8);

/** Makes p the plugin of this module. Call it at the end of the entry file. */
export function register(p: Plugin): void { plugin = p; }

// ---- The heap -----------------------------------------------------------------
//
// The runtime is `stub`, which hands memory out and never takes it back. What a plugin takes while it scores one slot is behind a mark, and is
// taken back when the slot is done: the last block of the heap may be freed, so the mark is made to look like the last block.

let mark: usize = 0;

function setMark(): void { mark = heap.alloc(0); }

function release(): void {
  const end = heap.alloc(0);
  const block = end - BLOCK_OVERHEAD;
  if (block != mark + load<usize>(mark - BLOCK_OVERHEAD)) {
    store<usize>(mark - BLOCK_OVERHEAD, end + load<usize>(block) - mark);
    heap.free(mark);
    mark = heap.alloc(0);
  } else {
    heap.free(end);
  }
}

// ---- Before the rounds ----------------------------------------------------------

function words(n: u32): u32 { return (n + 63) / 64; }
function stride(n: u32): u32 { return SLOT_SIZE + 8 * words(n) + 8 * n; }
function hdr(off: usize): u32 { return load<u32>(arena + off); }

export function ripen_abi_v1(): void {}

export function ripen_describe(): usize {
  const p = plugin!;
  store<u32>(descriptor, 0x4e455052); // RPEN
  store<u64>(descriptor, p.caps, 8);
  store<u32>(descriptor, p.stateMax, 16);
  store<u32>(descriptor, p.stateVersion, 20);
  store<u32>(descriptor, MAX_ROUND, 24);
  store<u32>(descriptor, p.arenaWant == 0 ? DEFAULT_ARENA : p.arenaWant, 28);
  store<u32>(descriptor, SLOT_SIZE, 32);
  store<u32>(descriptor, RESULT_SIZE, 36);
  store<u32>(descriptor, ENTRY_SIZE, 40);
  store<u32>(descriptor, ROW_SIZE, 44);
  return descriptor;
}

export function ripen_reserve(bytes: u32): usize {
  if (arena != 0 || bytes < HEADER_SIZE || bytes > MAX_ARENA) return 0;
  arena = (heap.alloc(bytes + 8) + 7) & ~7;
  size = bytes;
  return arena;
}

function inside(off: u32, len: u32): bool { return arena != 0 && <u64>off + <u64>len <= <u64>size; }

export function ripen_configure(off: u32, len: u32): usize {
  if (configured || !inside(off, len)) return 0;
  const root = decodeConfig(arena + off, len);
  if (root === null) return 0;
  configured = true;
  const p = plugin!, needs = new Needs();
  out.stateMax = p.stateMax;
  out.scratch = heap.alloc(p.stateMax);
  const why = p.configure(root, needs);
  if (why !== null) {
    refused = true;
    needs.error(root, "configuration", "the plugin refuses its configuration", why);
  }
  inputs = needs.inputCount;
  rules = needs.ruleCount;
  const answer = needs.encode();
  setMark();
  return answer;
}

export function ripen_bind(off: u32, len: u32): i32 {
  if (!configured || refused || len < 16 || !inside(off, len)) return UNREADY;
  const b = arena + off;
  if (load<u32>(b) != stride(inputs) || load<u32>(b, 4) != inputs || load<u32>(b, 8) != words(inputs) || load<u32>(b, 12) != rules) return LAYOUT;
  bound = true;
  return 0;
}

// ---- A round ------------------------------------------------------------------

// fits says whether n records lie within the arena from the offset in the header.
function fits(off: usize, n: u32, each: u32): bool { return <u64>hdr(off) + <u64>n * <u64>each <= <u64>size; }

// prepare checks the header against the arena once a call and points input and output at their sections.
function prepare(n: u32): bool {
  if (!fits(H_SLOTS, n, hdr(H_STRIDE)) || !fits(H_ROWS, hdr(H_ROWS_N), ROW_SIZE) || !fits(H_RESULTS, n, RESULT_SIZE)) return false;
  if (!fits(H_ENTRIES, hdr(H_ENTRIES_CAP), ENTRY_SIZE) || !fits(H_TEXT, hdr(H_TEXT_CAP), 1) || !fits(H_HEAP, hdr(H_HEAP_N), 1)) return false;
  if (hdr(H_STRIDE) != stride(inputs) || hdr(H_FIRST) > n) return false;
  input.arena = arena;
  input.rowsAt = arena + hdr(H_ROWS);
  input.heap = arena + hdr(H_HEAP);
  out.ring = arena + hdr(H_ENTRIES);
  out.ringN = 0;
  out.todo = 0;
  out.limit = hdr(H_ENTRIES_CAP);
  return true;
}

let text: u32 = 0; // bytes of error text used in this call

export function ripen_process(n: i32): i32 {
  if (!bound) return UNREADY;
  if (n < 0 || <u32>n != hdr(H_N) || !prepare(n)) return LAYOUT;
  text = 0;
  const done = round(n);
  store<u32>(arena, done, H_CURSOR);
  store<u32>(arena, out.ringN, H_ENTRIES_N);
  store<u32>(arena, text, H_TEXT_N);
  return done;
}

// round runs the slots from H_FIRST on and returns the first that is not done.
function round(n: u32): u32 {
  const p = plugin!, each = <usize>hdr(H_STRIDE), bits = <usize>SLOT_SIZE, cols = bits + 8 * <usize>hdr(H_WORDS);
  let i = hdr(H_FIRST);
  let slot = arena + hdr(H_SLOTS) + <usize>i * each, result = arena + hdr(H_RESULTS) + <usize>i * RESULT_SIZE;
  for (; i < n; i++) {
    store<u32>(arena, i, H_CURSOR); // before the slot, so that the host knows which one broke
    input.slot = slot;
    input.bits = slot + bits;
    input.cols = slot + cols;
    out.slot = i;
    out.result = result;
    out.first = out.ringN;
    out.rowFirst = load<u32>(slot, 36);
    const why = p.score(input, out);
    const done = (why === null && out.todo == 0) || commit(why);
    release();
    if (!done) break;
    store<u32>(result, out.first, 32);
    store<u32>(result, out.ringN - out.first, 36);
    slot += each;
    result += RESULT_SIZE;
  }
  return i;
}

const STATE = "the new state is larger than the plugin's StateMax";

// commit ends a slot that needs more than its entries. False: there was no room left in this call; the slot has left no trace and is to be
// run again.
function commit(why: string | null): bool {
  const todo = out.todo;
  out.todo = 0;
  if (why === null) {
    if (todo & TOO_BIG) {
      why = STATE;
    } else if (todo & OVER) {
      out.ringN = out.first;
      if (out.first > 0) {
        memory.fill(out.result, 0, RESULT_SIZE);
        return false;
      }
      why = "the plugin wrote more entries for one input than the host has room for";
    } else {
      const len = load<u32>(out.result, 28);
      if (len <= load<u32>(input.slot, 52)) {
        memory.copy(arena + load<u32>(input.slot, 44), out.scratch, len);
        return true;
      }
      why = STATE;
    }
  }
  out.ringN = out.first;
  return fail(why);
}

// fail writes a soft error. Its text never depends on the round: when the rest of the text area is too small the slot waits for the next call.
function fail(why: string): bool {
  const utf8 = String.UTF8.encode(why);
  let len = min(<u32>utf8.byteLength, MAX_TEXT);
  const left = hdr(H_TEXT_CAP) - text;
  if (len > left) {
    if (text > 0) {
      memory.fill(out.result, 0, RESULT_SIZE);
      return false;
    }
    len = left;
  }
  memory.copy(arena + hdr(H_TEXT) + text, changetype<usize>(utf8), len);
  memory.fill(out.result, 0, RESULT_SIZE);
  store<u32>(out.result, 1);
  store<u32>(out.result, text, 40);
  store<u32>(out.result, len, 44);
  text += len;
  return true;
}

export function ripen_migrate(from: u32, to: u32): i32 {
  const p = plugin!;
  if (arena == 0) return -2;
  if (!p.knows(from, to)) return -1;
  const len = hdr(0), cap = hdr(4);
  if (<u64>HEADER_SIZE + <u64>max(len, cap) > <u64>size) return -2;
  if (len == 0) return 0;
  if (mark == 0) setMark();
  const old = new Uint8Array(len);
  memory.copy(old.dataStart, arena + HEADER_SIZE, len);
  const next = p.migrate(old, from, to);
  let code: i32 = -2;
  if (next !== null && <u32>next.length <= cap && !(to == p.stateVersion && <u32>next.length > p.stateMax)) {
    memory.copy(arena + HEADER_SIZE, next.dataStart, next.length);
    store<u32>(arena, next.length);
    code = 0;
  }
  release();
  return code;
}
