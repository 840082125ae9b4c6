// One slot: what a plugin reads and what it says.
import { BoolColumn, CountColumn, EnumColumn, FlagId, GradeId, HashColumn, NumberColumn, ReasonId, RuleId, TextColumn, TimeColumn } from "./needs";

/** One bucket of the lead's ledger, in place. Its age in steps at time t is floor(t/step) − at/step. */
@unmanaged
export class Row {
  /** What Needs.view gave for it, the first that takes the bucket. */
  view: u32;
  /** Awards folded into it. */
  count: u32;
  /** Begin of the age step that its events lie in, ms; 0 on a replaced line, which has no age. */
  at: i64;
  /** Length of an age step, ms. */
  step: i64;
  /** Scope key, 0 = none. */
  scope: u64;
  /** Milli-points. */
  awarded: i64;
  /** Milli-points taken back, same sign as awarded. */
  reversed: i64;
  /** Milli-points. */
  remaining: i64;
  /** Time of the last event in it, ms. */
  last: i64;
}

/** One slot: a lead with one input. Its columns are read in place. */
export class Input {
  arena: usize = 0;
  slot: usize = 0;
  bits: usize = 0;
  cols: usize = 0;
  rowsAt: usize = 0;
  heap: usize = 0;

  /** The input is an event of the lead. */
  get isEvent(): bool { return load<u32>(this.slot, 32) == 1; }

  /** The time asked for by Output.wake has come. */
  get isTimer(): bool { return load<u32>(this.slot, 32) == 2; }

  /** The host asks what would be true at now if nothing happened; the answer is discarded. */
  get isProbe(): bool { return load<u32>(this.slot, 32) == 3; }

  /** The time of the event, or the due time of the timer, in ms. */
  get at(): i64 { return load<i64>(this.slot); }

  /** The lead's clock in ms; a late event has at before now. */
  get now(): i64 { return load<i64>(this.slot, 8); }

  /** The same for the same lead and input, for ever. */
  get seed(): u64 { return load<u64>(this.slot, 16); }

  /** Names the event, for Output.voidEvent; 0 on a timer. */
  get eventHash(): u64 { return load<u64>(this.slot, 24); }

  /** The lead has no state of this step yet. */
  get fresh(): bool { return (load<u32>(this.slot, 56) & 1) != 0; }

  /** The lead's state blob, a copy; Output.setState keeps a new one. */
  get state(): Uint8Array {
    const n = load<u32>(this.slot, 48);
    const blob = new Uint8Array(n);
    memory.copy(blob.dataStart, this.arena + load<u32>(this.slot, 44), n);
    return blob;
  }

  /** How many rows the lead's part of the ledger has (CAP_LEDGER). */
  get rows(): i32 { return load<i32>(this.slot, 40); }

  /** Row i of them. Read only. */
  row(i: i32): Row {
    assert(<u32>i < load<u32>(this.slot, 40));
    return changetype<Row>(this.rowsAt + 64 * (<usize>load<u32>(this.slot, 36) + <usize>i));
  }

  /** Says whether the input has a column. One that it does not have is unknown, and unknown must fire nothing. */
  @inline known(h: u32): bool {
    return h != 0 && (load<u64>(this.bits + (((<usize>h - 1) >> 6) << 3)) >> (<u64>(h - 1) & 63) & 1) != 0;
  }

  // An absent column holds 0.
  @inline private raw(h: u32): u64 { return h == 0 ? 0 : load<u64>(this.cols + ((<usize>h - 1) << 3)); }

  /** A condition is known and true: the only way it may fire. */
  isTrue(h: BoolColumn): bool { return this.raw(h) != 0; }

  /** A condition is known and false. */
  isFalse(h: BoolColumn): bool { return this.known(h) && this.raw(h) == 0; }

  /** Which literal matched, from 1; 0: none of them, or unknown. */
  which(h: EnumColumn): u32 { return <u32>this.raw(h); }

  /** A number; NaN, of which no comparison is true, when it is unknown. */
  number(h: NumberColumn): f64 { return this.known(h) ? reinterpret<f64>(this.raw(h)) : NaN; }

  /** A time in ms; 0 when it is unknown. */
  time(h: TimeColumn): i64 { return <i64>this.raw(h); }

  /** A whole number; 0 when it is unknown. */
  count(h: CountColumn): i64 { return <i64>this.raw(h); }

  /** The hash of a text; 0 when it is unknown. */
  hash(h: HashColumn): u64 { return this.raw(h); }

  /** A text; null when it is unknown. */
  text(h: TextColumn): string | null {
    if (!this.known(h)) return null;
    const v = this.raw(h);
    return String.UTF8.decodeUnsafe(this.heap + <usize><u32>v, <usize>(v >> 32));
  }
}

// What keeps a slot from being done when score returns null.
export const OVER: u32 = 1; // the ring was too small for it
export const TOO_BIG: u32 = 2; // the state did not fit
export const DIRTY: u32 = 4; // it does count, once its state is copied

/** What a plugin says of one slot. It counts as a whole when score returns null. */
export class Output {
  result: usize = 0;
  ring: usize = 0;
  ringN: u32 = 0; // entries in the ring, earlier slots of the call included
  limit: u32 = 0;
  first: u32 = 0; // ringN when the slot began
  slot: u32 = 0;
  rowFirst: u32 = 0;
  todo: u32 = 0;
  scratch: usize = 0; // stateMax bytes
  stateMax: u32 = 0;

  private push(kind: u32, flags: u32, rule: RuleId, milli: i64, scope: u64, target: u32, label: u32): void {
    if (this.ringN >= this.limit) {
      this.todo |= OVER;
      return;
    }
    const e = this.ring + 32 * <usize>this.ringN;
    store<u32>(e, kind | flags << 8 | <u32>rule << 16);
    store<u32>(e, this.slot, 4);
    store<i64>(e, milli, 8);
    store<u64>(e, scope, 16);
    store<u32>(e, target, 24);
    store<u32>(e, label, 28);
    this.ringN++;
  }

  /** Adds milli-points under the rule, as far as its scope and caps allow. The ledger line is labelled with the event's name. */
  award(r: RuleId, milli: i64): void { this.push(1, 0, r, milli, 0, 0, 0); }

  /** award with a label: the text that says what was done. */
  awardFor(r: RuleId, milli: i64, label: TextColumn): void { this.push(1, 0, r, milli, 0, 0, label); }

  /** awardFor under a scope key of the plugin's own making, which must not be 0. */
  awardScoped(r: RuleId, milli: i64, label: TextColumn, scope: u64): void { this.push(1, 0, r, milli, scope, 0, label); }

  /** Makes milli the only line of the rule. */
  replace(r: RuleId, milli: i64, label: TextColumn = 0): void { this.push(2, 0, r, milli, 0, 0, label); }

  /** Changes what remains of Input.row(i) by milli. */
  adjust(i: i32, milli: i64): void { this.push(3, 0, 0, milli, 0, this.rowFirst + <u32>i, 0); }

  /** Takes back all that is left under the rule and the scope key that this event has for it, and frees the key. */
  void(r: RuleId): void { this.push(4, 0, r, 0, 0, 0, 0); }

  /** Follows void: it counts only if there was never anything to take back. */
  awardElse(r: RuleId, milli: i64): void { this.push(1, 2, r, milli, 0, 0, 0); }

  /** Takes back all that is left of the awards of an earlier event (CAP_VOID), named by its Input.eventHash. */
  voidEvent(event: u64): void { this.push(4, 1, 0, 0, event, 0, 0); }

  /** Hides this event from later steps and from counters (CAP_VOID). */
  hide(): void { store<u32>(this.result, load<u32>(this.result, 4) | 1, 4); }

  /** Says the lead's grade and why. */
  grade(g: GradeId, why: ReasonId = 0): void {
    store<u16>(this.result, g, 24);
    store<u16>(this.result, why, 26);
  }

  /** Sets a named flag; flags are off unless set. */
  flag(f: FlagId, on: bool): void {
    if (f > 63) return;
    const was = load<u64>(this.result, 8), bit: u64 = <u64>1 << <u64>f;
    store<u64>(this.result, on ? was | bit : was & ~bit, 8);
  }

  /**
   * Asks to be called again at that time in ms (CAP_TIMERS, or a memoryless step). The earliest of several wins; times that are not after
   * the lead's clock are an error of the plugin; 0 asks for nothing.
   */
  wake(at: i64): void {
    const was = load<i64>(this.result, 16);
    if (at != 0 && (was == 0 || at < was)) store<i64>(this.result, at, 16);
  }

  /** Keeps a new state blob of at most Plugin.stateMax bytes, copied here. */
  setState(bytes: Uint8Array): void {
    if (<u32>bytes.length > this.stateMax) {
      this.todo |= TOO_BIG;
      return;
    }
    memory.copy(this.scratch, bytes.dataStart, bytes.length);
    store<u32>(this.result, bytes.length, 28);
    store<u32>(this.result, load<u32>(this.result, 4) | 2, 4);
    this.todo |= DIRTY;
  }
}
