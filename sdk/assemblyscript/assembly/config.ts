// The configuration of the plugin.

/** The types of nodes. The host has validated the tree against the manifest's schema. */
export enum Kind { Null, Bool, Number, String, List, Object, Expr, Points, Millis }

class Node {
  kind: Kind = Kind.Null;
  key: string = "";
  text: string = "";
  value: u64 = 0;
  next: u32 = 0;
  child: u32 = 0;
  parent: u32 = 0;
}

let nodes: Node[] = [];

/**
 * One node of the plugin's configuration: its block, or anything in it. An absent one has no members and every getter answers with its
 * default. The host has checked the types by the schema.
 */
export class Config {
  constructor(private at: i32) {}

  private go(i: u32): Config { return new Config(i == 0 ? -1 : <i32>i); }

  /** Says whether the node is there; null is. */
  get written(): bool { return this.at >= 0; }

  /** Says whether the node was written (null counts as not written). */
  get exists(): bool { return this.kind != Kind.Null; }

  /** The index of the node, for errors and rules. */
  get node(): u32 { return <u32>max(this.at, 0); }

  /** The node's type. */
  get kind(): Kind { return this.at < 0 ? Kind.Null : nodes[this.at].kind; }

  /** The name under which the node stands in its parent. */
  get key(): string { return this.at < 0 ? "" : nodes[this.at].key; }

  /** The member of that name of an object; absent if there is none. */
  get(key: string): Config {
    if (this.at >= 0) {
      for (let i = nodes[this.at].child; i != 0; i = nodes[i].next) {
        if (nodes[i].key == key) return this.go(i);
      }
    }
    return new Config(-1);
  }

  /** The elements of a list, or the members of an object in the order of the source. */
  items(): Config[] {
    const list: Config[] = [];
    if (this.kind != Kind.List && this.kind != Kind.Object) return list;
    for (let i = nodes[this.at].child; i != 0; i = nodes[i].next) list.push(this.go(i));
    return list;
  }

  /** The blocks of that type, in the order of the source. A single object counts as one block. */
  blocks(kind: string): Config[] {
    const list = this.get(kind);
    return list.kind == Kind.Object ? [list] : list.items();
  }

  /** The label of a block. */
  get label(): string { return this.text("label", ""); }

  /** Says whether the node is of that type, and reads it then: asText and so on answer 0 or "" for all others. */
  is(kind: Kind): bool { return this.kind == kind; }

  private value(kind: Kind): u64 { return this.kind == kind ? nodes[this.at].value : 0; }

  /** The text of a string node. */
  asText(): string { return this.kind == Kind.String ? nodes[this.at].text : ""; }

  /** The value of a number node, or of a points node in points. */
  asNumber(): f64 {
    if (this.kind == Kind.Points) return <f64><i64>this.value(Kind.Points) / 1000.0;
    return reinterpret<f64>(this.value(Kind.Number));
  }

  /** The milli-points of a points node. */
  asPoints(): i64 { return <i64>this.value(Kind.Points); }

  /** The length of a duration node in ms. */
  asMillis(): i64 { return <i64>this.value(Kind.Millis); }

  /** The id of an expression node. */
  asExpr(): u32 { return <u32>this.value(Kind.Expr); }

  /** The member key as text, def if it is not written. */
  text(key: string, def: string): string {
    const m = this.get(key);
    return m.is(Kind.String) ? m.asText() : def;
  }

  /** The member key as a truth value, def if it is not written. */
  bool(key: string, def: bool): bool {
    const m = this.get(key);
    return m.is(Kind.Bool) ? m.value(Kind.Bool) != 0 : def;
  }

  /** The member key as a number, def if it is not written. */
  number(key: string, def: f64): f64 {
    const m = this.get(key);
    return m.is(Kind.Number) || m.is(Kind.Points) ? m.asNumber() : def;
  }

  /** The member key as a whole number, def if it is not written. The schema says "integer", so nothing is cut off. */
  int(key: string, def: i64): i64 {
    const m = this.get(key);
    return m.is(Kind.Number) || m.is(Kind.Points) ? toInt(m.asNumber()) : def;
  }

  /** The member key in milli-points, def if it is not written. */
  points(key: string, def: i64): i64 {
    const m = this.get(key);
    return m.is(Kind.Points) ? m.asPoints() : def;
  }

  /** The member key as a duration in ms, def if it is not written. */
  millis(key: string, def: i64): i64 {
    const m = this.get(key);
    return m.is(Kind.Millis) ? m.asMillis() : def;
  }

  /** The member key as a list of texts; one text is a list of one. */
  strings(key: string): string[] {
    const m = this.get(key);
    if (m.is(Kind.String)) return [m.asText()];
    const list: string[] = [];
    const items = m.items();
    for (let i = 0; i < items.length; i++) if (items[i].is(Kind.String)) list.push(items[i].asText());
    return list;
  }
}

/** A number without its fraction; the ends of i64 beyond them, 0 for NaN. A plain cast traps there. */
export function toInt(f: f64): i64 {
  if (f >= 9223372036854775807.0) return i64.MAX_VALUE;
  if (f <= -9223372036854775808.0) return i64.MIN_VALUE;
  return f == f ? <i64>f : 0;
}

/** Reads a configuration blob; null if it is damaged. Texts are copies: the blob makes room for the rounds. */
export function decodeConfig(at: usize, len: u32): Config | null {
  if (len < 16 || load<u32>(at) != 0x464e4f43) return null;
  const n = load<u32>(at, 4), off = <u64>load<u32>(at, 8), size = <u64>load<u32>(at, 12);
  if (off != 16 + 32 * <u64>n || off + size > <u64>len) return null;
  const heap = at + <usize>off;
  nodes = [];
  for (let i: u32 = 0; i < n; i++) {
    const rec = at + 16 + 32 * <usize>i;
    const node = new Node();
    node.kind = load<u8>(rec);
    const keyOff = load<u32>(rec, 4), keyLen = load<u32>(rec, 8);
    node.parent = load<u32>(rec, 12);
    node.value = load<u64>(rec, 16);
    node.next = load<u32>(rec, 24);
    node.child = load<u32>(rec, 28);
    // Links point forward only, so that a walk always ends.
    if (<u64>keyOff + <u64>keyLen > size || node.parent >= n || node.next >= n || node.child >= n) return null;
    if ((node.next != 0 && node.next <= i) || (node.child != 0 && node.child <= i)) return null;
    node.key = String.UTF8.decodeUnsafe(heap + keyOff, keyLen);
    if (node.kind == Kind.String) {
      const textOff = <u32>node.value, textLen = <u32>(node.value >> 32);
      if (<u64>textOff + <u64>textLen > size) return null;
      node.text = String.UTF8.decodeUnsafe(heap + textOff, textLen);
    }
    nodes.push(node);
  }
  return new Config(n > 0 ? 0 : -1);
}
