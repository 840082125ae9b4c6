// What a plugin asks the host for.
import { Config, Kind } from "./config";

/** Handles of columns, by type. 0 is absent in every slot. */
export type BoolColumn = u32;
/** A double. */
export type NumberColumn = u32;
/** A time in ms. */
export type TimeColumn = u32;
/** A whole number. */
export type CountColumn = u32;
/** The 1-based index of the first literal that a text matched, 0 for none of them. */
export type EnumColumn = u32;
/** A text. */
export type TextColumn = u32;
/** The 64-bit hash of a text. */
export type HashColumn = u32;

/** What a plugin may write. The grade and the reason 0 mean none. */
export type RuleId = u16;
export type FlagId = u8;
export type GradeId = u16;
export type ReasonId = u16;

/** The types of columns. */
export enum InputKind { Bool = 1, Number, Time, Count, Enum, String, Key, Label }

/** Where the host takes an input from. */
export enum Source { Event = 1, Path, Prop, Trait, Account, Context, Expr, Counter, Grade, Flag, Kind, LastActivity, EventId }

/** Texts that an enum column is compared with. A glob has * for any run of characters, fold ignores case. */
export class Literals {
  constructor(public texts: string[], public glob: bool, public fold: bool) {}
}

/** Literals that are compared to the letter. */
export function exact(texts: string[]): Literals { return new Literals(texts, false, false); }

/** Literals with * for any run of characters. */
export function globs(texts: string[]): Literals { return new Literals(texts, true, false); }

/** Globs that ignore case. */
export function foldedGlobs(texts: string[]): Literals { return new Literals(texts, true, true); }

/** One line of the ledger that the plugin may write. Times are ms, points are milli-points. */
export class Rule {
  /** Name of the score it counts for; empty = the step's own. */
  score: string = "";
  /** Group for caps and "top class"; may be empty. */
  group: string = "";
  /** Explanation, e.g. "{label}: asked for a demo". */
  template: string = "";
  /** Once per scope key, for ever or per period; else every time. */
  once: bool = false;
  /** Properties that form the scope key. */
  keys: string[] = [];
  /** The calendar day is part of the key. */
  perDay: bool = false;
  /** At most so many awards per window, 0 = no limit. */
  maxN: u32 = 0;
  /** A multiple of the age step; 0 = for ever. */
  window: i64 = 0;
  /** Limit of the sum awarded by this rule, 0 = none. */
  cap: i64 = 0;
  /** Limit of the sum awarded by the group, 0 = none. */
  groupCap: i64 = 0;
  /** Config.node that it comes from, for errors. */
  node: u32 = 0;
  /** An award of it is an activity of the lead. */
  activity: bool = false;
  /** Never awards on an event: inactivity, time. */
  passive: bool = false;
  /** The most that one award gives, for lints. */
  max: i64 = 0;
  /** Derived from account-level facts, for the explanation. */
  account: bool = false;
  /** When set, the rule of that name of another step: its awards may be taken back and nothing else. */
  step: string = "";

  /** A rule whose name is unique in the step, e.g. "asked/Demo Requested". */
  constructor(public name: string) {}
}

/** A windowed counter that the host keeps for the plugin. Events and paths are globs. */
export class Counter {
  events: string[] = [];
  paths: string[] = [];
  /** An expression; absent = all. */
  only: Config = new Config(-1);
  /** ms, a multiple of the age step; 0 = for ever. */
  window: i64 = 0;
  /** A property of which each value counts once. */
  distinct: string = "";
  /** Config.node that it comes from, for errors. */
  node: u32 = 0;

  constructor(public name: string) {}
}

// Encoded records behind each other.
class Section {
  bytes: u8[] = [];
  at: i32[] = [];

  get n(): i32 { return this.at.length; }

  begin(): void { this.at.push(this.bytes.length); }

  // intern takes the record that was written last back if the section has it already, and returns its index.
  intern(): u32 {
    const last = this.at.length - 1, from = this.at[last], size = this.bytes.length - from;
    for (let i = 0; i < last; i++) {
      if (this.at[i + 1] - this.at[i] != size) continue;
      if (memory.compare(this.bytes.dataStart + this.at[i], this.bytes.dataStart + from, size) == 0) {
        this.bytes.length = from;
        this.at.length = last;
        return <u32>i;
      }
    }
    return <u32>last;
  }

  byte(v: u8): void { this.bytes.push(v); }

  bool(v: bool): void { this.bytes.push(v ? 1 : 0); }

  uint(v: u64): void {
    for (; v >= 0x80; v >>= 7) this.bytes.push(<u8>(v | 0x80));
    this.bytes.push(<u8>v);
  }

  int(v: i64): void { this.uint((<u64>v << 1) ^ <u64>(v >> 63)); }

  raw(from: usize, n: i32): void {
    const had = this.bytes.length;
    this.bytes.length = had + n;
    memory.copy(this.bytes.dataStart + had, from, n);
  }

  str(s: string): void {
    const utf8 = String.UTF8.encode(s);
    this.uint(<u64>utf8.byteLength);
    this.raw(changetype<usize>(utf8), utf8.byteLength);
  }

  strs(list: string[]): void {
    this.uint(<u64>list.length);
    for (let i = 0; i < list.length; i++) this.str(list[i]);
  }

  all(s: Section): void {
    this.uint(<u64>s.at.length);
    this.raw(s.bytes.dataStart, s.bytes.length);
  }
}

const none = new Literals([], false, false);

/** Collects what a plugin asks the host for. Asking twice for the same column gives the same handle. */
export class Needs {
  private inputs: Section = new Section();
  private rules: Section = new Section();
  private views: Section = new Section();
  private grades: Section = new Section();
  private reasons: Section = new Section();
  private flags: Section = new Section();
  private counters: Section = new Section();
  private counterNames: Section = new Section();
  private diags: Section = new Section();
  private gates: Section = new Section();
  private scaleMin: i64 = 0;
  private scaleMax: i64 = 0;
  private age: i64 = 0;
  private far: i64 = 0;
  private isSparse: bool = false;
  private isFresh: bool = false;

  /** Asks for any input of the contract and returns 1 + its index, a handle; the typed methods are made of it. */
  column(kind: InputKind, source: Source, name: string = "", expr: u32 = 0, list: Literals = none): u32 {
    const s = this.inputs;
    s.begin();
    s.byte(<u8>kind);
    s.byte(<u8>source);
    s.str(name);
    s.uint(expr);
    s.uint(<u64>list.texts.length);
    for (let i = 0; i < list.texts.length; i++) {
      s.str(list.texts[i]);
      s.bool(list.glob);
      s.bool(list.fold);
    }
    return s.intern() + 1;
  }

  /** Compares the event's name with literals. */
  event(list: Literals): EnumColumn { return this.column(InputKind.Enum, Source.Event, "", 0, list); }

  /** Compares the path of a page view with literals. */
  path(list: Literals): EnumColumn { return this.column(InputKind.Enum, Source.Path, "", 0, list); }

  /** The path of a page view. */
  pathText(): TextColumn { return this.column(InputKind.String, Source.Path); }

  /** The path of a page view, to name what was done (awardFor). It costs nothing for each slot: reading it gives nothing. */
  pathLabel(): TextColumn { return this.column(InputKind.Label, Source.Path); }

  /** A property of the event, to name what was done. */
  propLabel(name: string): TextColumn { return this.column(InputKind.Label, Source.Prop, name); }

  /** Compares the kind of event ("track", "page", …). */
  kind(kinds: string[]): EnumColumn { return this.column(InputKind.Enum, Source.Kind, "", 0, exact(kinds)); }

  /** A property of the event as text. */
  propText(name: string): TextColumn { return this.column(InputKind.String, Source.Prop, name); }

  /** A property of the event as a number. */
  propNumber(name: string): NumberColumn { return this.column(InputKind.Number, Source.Prop, name); }

  /** The hash of a property's text. */
  propHash(name: string): HashColumn { return this.column(InputKind.Key, Source.Prop, name); }

  /** Compares a property of the event with literals. */
  prop(name: string, list: Literals): EnumColumn { return this.column(InputKind.Enum, Source.Prop, name, 0, list); }

  /** Compares a part of the event's context, such as "userAgent", with literals. */
  context(name: string, list: Literals): EnumColumn { return this.column(InputKind.Enum, Source.Context, name, 0, list); }

  /** A part of the event's context, such as "ip", as text. */
  contextText(name: string): TextColumn { return this.column(InputKind.String, Source.Context, name); }

  /** The hash of the text of a part of the event's context. */
  contextHash(name: string): HashColumn { return this.column(InputKind.Key, Source.Context, name); }

  /** Compares a person-level fact with literals. */
  trait(name: string, list: Literals): EnumColumn { return this.column(InputKind.Enum, Source.Trait, name, 0, list); }

  /** Compares an account-level fact with literals. */
  account(name: string, list: Literals): EnumColumn { return this.column(InputKind.Enum, Source.Account, name, 0, list); }

  private expr(c: Config, kind: InputKind, list: Literals): u32 {
    return c.is(Kind.Expr) ? this.column(kind, Source.Expr, "", c.asExpr(), list) : 0;
  }

  /** A condition: the expression at c, an absent handle if it is not written. */
  cond(c: Config): BoolColumn { return this.expr(c, InputKind.Bool, none); }

  /**
   * Says that a condition is read only where the column has that literal (from 1). The host then leaves it unknown elsewhere. Say it for
   * every place, or for none.
   */
  onlyOn(cond: BoolColumn, column: EnumColumn, literal: u32): void {
    if (cond == 0 || column == 0) return;
    this.gates.begin();
    this.gates.uint(cond - 1);
    this.gates.uint(column - 1);
    this.gates.uint(literal);
  }

  /** An expression of type number or points (in points). */
  numberExpr(c: Config): NumberColumn { return this.expr(c, InputKind.Number, none); }

  /** The text of an expression. */
  textExpr(c: Config): TextColumn { return this.expr(c, InputKind.String, none); }

  /** Compares the text of an expression with literals. */
  enumExpr(c: Config, list: Literals): EnumColumn { return this.expr(c, InputKind.Enum, list); }

  /** Declares a counter that the host keeps, and reads it: its value with this event included. */
  counter(c: Counter): CountColumn {
    const have = <u32>this.counterNames.n;
    this.counterNames.begin();
    this.counterNames.str(c.name);
    if (this.counterNames.intern() == have) {
      const s = this.counters;
      s.begin();
      s.str(c.name);
      s.strs(c.events);
      s.strs(c.paths);
      s.uint(c.only.is(Kind.Expr) ? <u64>c.only.asExpr() + 1 : 0);
      s.int(c.window);
      s.str(c.distinct);
      s.uint(c.node);
    }
    return this.counterNamed(c.name);
  }

  /** Reads a counter of the workflow. */
  counterNamed(name: string): CountColumn { return this.column(InputKind.Count, Source.Counter, name); }

  /** Compares the grade that an earlier step gave; step may be empty when there is only one that grades. */
  gradeOf(step: string, grades: string[]): EnumColumn { return this.column(InputKind.Enum, Source.Grade, step, 0, exact(grades)); }

  /** Reads the flag "step.flag" of an earlier step. */
  flagOf(name: string): BoolColumn { return this.column(InputKind.Bool, Source.Flag, name); }

  /** When the lead was last active. */
  lastActivity(): TimeColumn { return this.column(InputKind.Time, Source.LastActivity); }

  /** Declares a line of the ledger. */
  rule(r: Rule): RuleId {
    const s = this.rules;
    s.begin();
    s.str(r.name);
    s.str(r.score);
    s.str(r.group);
    s.str(r.template);
    s.bool(r.once);
    s.strs(r.keys);
    s.bool(r.perDay);
    s.uint(r.maxN);
    s.int(r.window);
    s.int(r.cap);
    s.int(r.groupCap);
    s.uint(r.node);
    s.bool(r.activity);
    s.bool(r.passive);
    s.int(r.max);
    s.bool(r.account);
    s.str(r.step);
    return <RuleId>(s.n - 1);
  }

  /** Names the rule of another step, to take its awards back (Output.void). */
  foreign(step: string, rule: string, node: u32): RuleId {
    const r = new Rule(rule);
    r.step = step;
    r.node = node;
    return this.rule(r);
  }

  /** Asks for ledger rows (CAP_LEDGER); empty takes any. Returns the index that Row.view has for them. */
  view(score: string, group: string, rule: string): u32 {
    const s = this.views;
    s.begin();
    s.str(score);
    s.str(group);
    s.str(rule);
    return <u32>(s.n - 1);
  }

  /** Declares a named flag that later steps and routes can read. */
  flag(name: string): FlagId {
    this.flags.begin();
    this.flags.str(name);
    return <FlagId>(this.flags.n - 1);
  }

  /** Declares a grade; declare the best first. */
  grade(name: string): GradeId {
    this.grades.begin();
    this.grades.str(name);
    return <GradeId>(this.grades.intern() + 1);
  }

  /** Declares why a grade was given. */
  reason(text: string): ReasonId {
    this.reasons.begin();
    this.reasons.str(text);
    return <ReasonId>(this.reasons.intern() + 1);
  }

  /** Says what range the step's own score can have, in milli-points. */
  scale(least: i64, most: i64): void {
    this.scaleMin = least;
    this.scaleMax = most;
  }

  /** Asks for age steps of that length in ms. */
  ageStep(ms: i64): void { this.age = ms; }

  /** Says after which age in ms a row never changes again. */
  horizon(ms: i64): void { this.far = ms; }

  /**
   * Says that an event that matches none of the literals given to event and path changes nothing: the host then skips the plugin for it. It
   * has no effect on a plugin with grades or flags.
   */
  sparse(): void { this.isSparse = true; }

  /** Says that a memoryless step leaves rows of the current age step alone: the host then skips it after an award that is dated now. */
  keepsFresh(): void { this.isFresh = true; }

  /** Reports a mistake at node c under a stable lint name. detail says what was found, what was expected and what to do. */
  error(c: Config, name: string, summary: string, detail: string): void { this.diag(1, c, name, summary, detail); }

  /** Reports what is probably a mistake. */
  warn(c: Config, name: string, summary: string, detail: string): void { this.diag(2, c, name, summary, detail); }

  private diag(severity: u8, c: Config, name: string, summary: string, detail: string): void {
    const s = this.diags;
    s.begin();
    s.byte(severity);
    s.uint(c.node);
    s.str(name);
    s.str(summary);
    s.str(detail);
  }

  get inputCount(): u32 { return <u32>this.inputs.n; }
  get ruleCount(): u32 { return <u32>this.rules.n; }

  /** What configure points to: u32 length, needs. */
  encode(): usize {
    const s = new Section();
    s.raw(changetype<usize>(String.UTF8.encode("\0\0\0\0NEED")), 8);
    s.int(this.scaleMin);
    s.int(this.scaleMax);
    s.int(this.age);
    s.int(this.far);
    s.bool(this.isSparse);
    s.bool(this.isFresh);
    s.all(this.inputs);
    s.all(this.rules);
    s.all(this.views);
    s.all(this.grades);
    s.all(this.reasons);
    s.all(this.flags);
    s.all(this.counters);
    s.all(this.diags);
    // Gates come last and only if there are any.
    if (this.gates.n > 0) s.all(this.gates);
    store<u32>(s.bytes.dataStart, <u32>s.bytes.length - 4);
    return s.bytes.dataStart;
  }
}
