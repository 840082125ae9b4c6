// Runs a plugin in this process, under plain `node --test`: the module itself, with a small host in place of Ripen. Build it first.
//
//	import { Block, Event, Host } from "…/assembly/testing.mjs";
//
//	const h = await Host.open("build/raw.wasm", new Block().points("most", 20_000));
//	h.play(Event.named("Quote Requested").number("amount", 7500)).milli; // 7500
//
// The host does not apply scopes and caps: entries are shown as the plugin wrote them. What an event does not set is unknown. Points, times
// and entries are plain numbers; scopes and hashes are BigInts.
import { readFile } from "node:fs/promises";

const utf8 = new TextEncoder(), text = new TextDecoder();

/** The configuration that a test hands over. Its values are of the kinds that the schema would make them. */
export class Block {
  members = [];
  with(key, value) { this.members.push([key, value]); return this; }
  points(key, milli) { return this.with(key, { kind: 7, bits: BigInt.asUintN(64, BigInt(milli)) }); }
  millis(key, ms) { return this.with(key, { kind: 8, bits: BigInt.asUintN(64, BigInt(ms)) }); }
  expr(key, id) { return this.with(key, { kind: 6, bits: BigInt(id) }); }
  number(key, v) { return this.with(key, { kind: 2, bits: bitsOf(v) }); }
  bool(key, v) { return this.with(key, { kind: 1, bits: v ? 1n : 0n }); }
  text(key, v) { return this.with(key, { kind: 3, text: v }); }
  texts(key, list) { return this.with(key, { kind: 4, items: list.map((v) => ["", { kind: 3, text: v }]) }); }
  object(key, block) { return this.with(key, { kind: 5, items: block.members }); }
  blocks(key, list) { return this.with(key, { kind: 4, items: list.map((b) => ["", { kind: 5, items: b.members }]) }); }

  encode() {
    const nodes = [], heap = [];
    const put = (s) => { const b = utf8.encode(s), at = heap.length; heap.push(...b); return [at, b.length]; };
    const add = (key, v, parent) => {
      const at = nodes.length, node = { kind: v.kind, key: put(key), parent, bits: v.bits ?? 0n, next: 0, child: 0 };
      nodes.push(node);
      if (v.kind === 3) { const [off, len] = put(v.text); node.bits = BigInt(off) | BigInt(len) << 32n; }
      let last;
      for (const [k, item] of v.items ?? []) {
        const child = add(k, item, at);
        if (last) last.next = child; else node.child = child;
        last = nodes[child];
      }
      return at;
    };
    add("", { kind: 5, items: this.members }, 0);
    const out = new DataView(new ArrayBuffer(16 + 32 * nodes.length + heap.length)), bytes = new Uint8Array(out.buffer);
    bytes.set(utf8.encode("CONF"));
    [nodes.length, 16 + 32 * nodes.length, heap.length].forEach((v, i) => out.setUint32(4 + 4 * i, v, true));
    nodes.forEach((n, i) => {
      const at = 16 + 32 * i;
      out.setUint8(at, n.kind);
      [[4, n.key[0]], [8, n.key[1]], [12, n.parent], [24, n.next], [28, n.child]].forEach(([o, v]) => out.setUint32(at + o, v, true));
      out.setBigUint64(at + 16, n.bits, true);
    });
    bytes.set(heap, 16 + 32 * nodes.length);
    return bytes;
  }
}

function bitsOf(v) {
  const d = new DataView(new ArrayBuffer(8));
  d.setFloat64(0, v);
  return d.getBigUint64(0);
}

/** One input of one lead. Times are ms. */
export class Event {
  constructor(kind) { Object.assign(this, { kind, hash: 0n, time: 0, now: 0, texts: {}, numbers: {}, counters: {}, conds: {}, blob: null, rows: [] }); }
  static named(name) { return Object.assign(new Event(1).from(1, "", name).from(11, "", "track"), { hash: 1n }); }
  static page(path) { return Object.assign(new Event(1).from(2, "", path).from(11, "", "page"), { hash: 1n }); }
  static timer(due) { return new Event(2).at(due); }
  static probe(now) { return new Event(3).at(now); }
  from(source, name, v) { this.texts[source + " " + name] = v; return this; }
  at(ms) { this.time = this.now = ms; return this; }
  text(prop, v) { return this.from(3, prop, v); }
  fact(name, v) { return this.from(4, name, v); }
  number(prop, v) { this.numbers[prop] = v; return this; }
  counter(name, v) { this.counters[name] = v; return this; }
  cond(expr, v) { this.conds[expr] = v; return this; }
  state(bytes) { this.blob = bytes; return this; }
  row(r) { this.rows.push(r); return this; }
}

const ARENA = 1 << 20, TEXTS = 4096;

/** Runs one configured plugin. */
export class Host {
  /** Bounds the entries of one call, to try a full ring. */
  room = 4096;

  /** A host whose configuration may be wrong: look at complaints. */
  static async configure(file, block = new Block()) {
    const h = new Host();
    const { instance } = await WebAssembly.instantiate(await readFile(file), { ripen_v1: { log: () => {} } });
    h.guest = instance.exports;
    h.guest._initialize?.();
    const d = new DataView(h.guest.memory.buffer, h.guest.ripen_describe(), 64);
    h.stateMax = d.getUint32(16, true);
    h.base = h.guest.ripen_reserve(ARENA);
    const blob = block.encode();
    h.bytes().set(blob, 128);
    const answer = h.guest.ripen_configure(128, blob.length);
    if (answer === 0) throw new Error("the guest refuses the configuration");
    const n = new DataView(h.guest.memory.buffer).getUint32(answer, true);
    h.read(new Uint8Array(h.guest.memory.buffer, answer + 8, n - 4).slice());
    return h;
  }

  /** A host; throws when the plugin has something to say against its configuration. */
  static async open(file, block) {
    const h = await Host.configure(file, block);
    if (h.complaints.includes("error: ")) throw new Error(h.complaints);
    [h.stride, h.inputs.length, h.words, h.rules.length].forEach((v, i) => h.set(128 + 4 * i, v));
    if (h.guest.ripen_bind(128, 16) !== 0) throw new Error("the guest refuses the layout");
    return h;
  }

  bytes() { return new Uint8Array(this.guest.memory.buffer, this.base, ARENA); }
  view() { return new DataView(this.guest.memory.buffer, this.base, ARENA); }
  set(at, v) { this.view().setUint32(at, v, true); }
  get words() { return (this.inputs.length + 63) >> 6; }
  get stride() { return 64 + 8 * this.words + 8 * this.inputs.length; }

  read(b) {
    let at = 0;
    const byte = () => b[at++];
    const uint = () => { let v = 0n, s = 0n; for (;;) { const c = byte(); v |= BigInt(c & 127) << s; if (c < 128) return Number(v); s += 7n; } };
    const str = () => { const n = uint(); at += n; return text.decode(b.subarray(at - n, at)); };
    const list = (f) => { const n = uint(), out = []; for (let i = 0; i < n; i++) out.push(f()); return out; };
    for (let i = 0; i < 4; i++) uint();
    at += 2;
    this.inputs = list(() => ({ kind: byte(), source: byte(), name: str(), expr: uint(), literals: list(() => ({ text: str(), glob: byte(), fold: byte() })) }));
    this.rules = list(() => {
      const name = str();
      str(), str(), str(), byte(), list(str), byte();
      for (let i = 0; i < 5; i++) uint();
      at += 2;
      uint(), byte(), str();
      return name;
    });
    list(() => { str(), str(), str(); });
    [this.grades, this.reasons, this.flags] = [list(str), list(str), list(str)];
    list(() => { str(), list(str), list(str), uint(), uint(), str(), uint(); });
    this.complaints = list(() => { const s = byte() === 1 ? "error" : "warning"; uint(); return `${s}: ${str()}: ${str()}: ${str()}\n`; }).join("");
  }

  project(e, c) {
    const wrap = (v, f) => (v === undefined ? undefined : f(v));
    if (c.kind === 8) return undefined;
    if (c.kind === 1 && c.source === 7) return wrap(e.conds[c.expr], (v) => (v ? 1n : 0n));
    if (c.kind === 2 && c.source === 3) return wrap(e.numbers[c.name], bitsOf);
    if (c.kind === 4 && c.source === 8) return wrap(e.counters[c.name], (v) => BigInt.asUintN(64, BigInt(v)));
    return wrap(e.texts[c.source + " " + c.name], (t) => {
      if (c.kind === 6) return utf8.encode(t);
      if (c.kind === 7) return utf8.encode(t).reduce((h, b) => BigInt.asUintN(64, (h ^ BigInt(b)) * 1099511628211n), 14695981039346656037n);
      return BigInt(c.literals.findIndex((l) => matches(l, t)) + 1);
    });
  }

  /** Plays one input. */
  play(e) { return this.round([e])[0]; }

  /** Plays one round: at most one input of each lead. */
  round(events) {
    const n = events.length, size = (this.stateMax + 7) & ~7, rowsN = events.reduce((sum, e) => sum + e.rows.length, 0);
    const slots = 128, rows = slots + n * this.stride, results = rows + 64 * rowsN, ring = results + 48 * n, texts = ring + 32 * this.room;
    const states = texts + TEXTS, heap = states + n * size, bytes = this.bytes(), view = this.view();
    const u32 = (at, v) => view.setUint32(at, v, true), u64 = (at, v) => view.setBigUint64(at, BigInt.asUintN(64, BigInt(v)), true);
    let used = 0, row = 0;
    bytes.fill(0, 0, heap);
    events.forEach((e, i) => {
      const at = slots + i * this.stride, blob = e.blob ?? [];
      [e.time, e.now, 7, e.hash].forEach((v, k) => u64(at + 8 * k, v));
      [e.kind, row, e.rows.length, states + i * size, blob.length, this.stateMax, e.blob ? 0 : 1].forEach((v, k) => u32(at + 32 + 4 * k, v));
      bytes.set(blob, states + i * size);
      for (const r of e.rows) {
        const to = rows + 64 * row++;
        u32(to, r.view ?? 0);
        u32(to + 4, r.count ?? 0);
        ["at", "step", "scope", "awarded", "reversed", "remaining", "last"].forEach((f, k) => u64(to + 8 + 8 * k, r[f] ?? 0));
      }
      this.inputs.forEach((c, k) => {
        let v = this.project(e, c);
        if (v === undefined) return;
        if (v instanceof Uint8Array) {
          bytes.set(v, heap + used);
          used += v.length;
          v = BigInt(used - v.length) | BigInt(v.length) << 32n;
        }
        bytes[at + 64 + (k >> 3)] |= 1 << (k & 7);
        u64(at + 64 + 8 * this.words + 8 * k, v);
      });
    });
    const header = { 0: ARENA, 4: n, 16: slots, 20: this.stride, 24: this.inputs.length, 28: this.words, 32: rows, 36: rowsN, 40: results, 44: ring,
      48: this.room, 60: texts, 64: TEXTS, 72: heap, 76: used };
    for (const at in header) u32(Number(at), header[at]);
    const outs = [];
    while (outs.length < n) {
      this.set(8, outs.length);
      const done = this.guest.ripen_process(n);
      if (done <= outs.length || done > n) throw new Error(`process answered ${done}`);
      while (outs.length < done) outs.push(this.outcome(outs.length, results, ring, texts, states + outs.length * size));
    }
    return outs;
  }

  outcome(i, results, ring, texts, state) {
    const v = this.view(), b = this.bytes(), r = results + 48 * i, u32 = (at) => v.getUint32(at, true);
    if (u32(r) !== 0) {
      const at = texts + u32(r + 40);
      return { error: text.decode(b.subarray(at, at + u32(r + 44))), entries: [], milli: 0 };
    }
    const entries = [];
    for (let k = 0; k < u32(r + 36); k++) {
      const e = ring + 32 * (u32(r + 32) + k);
      if (u32(e + 4) !== i) throw new Error("an entry names another slot");
      entries.push({ kind: b[e], flags: b[e + 1], rule: this.rules[v.getUint16(e + 2, true)], milli: Number(v.getBigInt64(e + 8, true)),
        scope: v.getBigUint64(e + 16, true), row: u32(e + 24), label: u32(e + 28) });
    }
    const out = { error: "", entries, milli: entries.reduce((sum, e) => sum + e.milli, 0), hidden: (u32(r + 4) & 1) !== 0, wakeAt: Number(v.getBigInt64(r + 16, true)),
      grade: this.grades[v.getUint16(r + 24, true) - 1] ?? "", reason: this.reasons[v.getUint16(r + 26, true) - 1] ?? "", state: null };
    out.flags = this.flags.filter((_, f) => v.getBigUint64(r + 8, true) >> BigInt(f) & 1n);
    if (u32(r + 4) & 2) out.state = [...b.subarray(state, state + u32(r + 28))];
    return out;
  }

  /** Converts a state; a number below 0: −1 = a version is unknown, −2 = it cannot. */
  migrate(from, to, state, room = 64) {
    this.set(0, state.length);
    this.set(4, room);
    this.bytes().set(state, 128);
    const code = this.guest.ripen_migrate(from, to);
    return code < 0 ? code : [...this.bytes().subarray(128, 128 + this.view().getUint32(0, true))];
  }

  /** Bytes of memory that the module has. */
  get memory() { return this.guest.memory.buffer.byteLength; }
}

function matches(l, t) {
  if (l.fold) [l, t] = [{ ...l, text: l.text.toLowerCase() }, t.toLowerCase()];
  if (!l.glob) return l.text === t;
  const run = (p) => new RegExp("^" + p.split("*").map((s) => s.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join("[^]*") + "$").test(t);
  return run(l.text) || (l.text.length > 2 && l.text.endsWith("/*") && run(l.text.slice(0, -2)));
}
