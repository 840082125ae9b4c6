// Tests of the SDK, in node. `make sdks` builds tests/everything.ts and tests/greedy.ts first.
import assert from "node:assert/strict";
import test from "node:test";
import { Block, Event, Host } from "../assembly/testing.mjs";

const file = new URL("../build/everything.wasm", import.meta.url);
const host = () => Host.open(file, new Block().expr("when", 0));

test("columns are typed and may be missing", async () => {
  const outs = (await host()).round([
    Event.named("award").number("n", 2.5).cond(0, true), Event.named("award").cond(0, false), Event.page("/blog"),
    Event.page("/our/prices").fact("size", "Big One").counter("visits", 4), Event.timer(1234), Event.probe(1234),
  ]);
  assert.deepEqual(outs[0].entries.map((e) => [e.kind, e.milli, e.scope]), [[1, 1, 77n], [2, 2500, 0n]]);
  assert.deepEqual(outs[1].entries, []);
  assert.deepEqual([outs[2].milli, outs[2].entries[0].label], [10, 7]);
  assert.deepEqual([outs[3].milli, outs[3].flags], [24, ["hot"]]);
  assert.deepEqual([outs[4].milli, outs[4].entries[0].rule], [1234, "rule/plain"]);
  assert.deepEqual(outs[5].entries, []);
});

test("an error drops the slot and says why", async () => {
  const names = ["bad", "state", "big", "long", "long", "long", "long", "long", "bad", "state"];
  const outs = (await host()).round(names.map((n, i) => (i === 0 ? Event.named(n).text("text", "héllo") : Event.named(n))));
  assert.deepEqual([outs[0].error, outs[8].error], ["bad: héllo", "bad"]);
  assert.equal(outs[2].error, "the new state is larger than the plugin's StateMax");
  for (const out of outs.slice(3, 8)) assert.equal(out.error, "x".repeat(1024), "whatever else the round holds");
  for (const i of [0, 2, 3, 8]) assert.deepEqual(outs[i].entries, []);
  assert.deepEqual([outs[1].state, outs[9].state], [[1, 1], [1, 1]]);
  assert.deepEqual((await host()).play(Event.named("state").state([7, 0])).state, [8, 0]);
});

test("a full ring changes nothing", async () => {
  for (let room = 6; room < 30; room++) {
    const h = await host();
    h.room = room;
    const outs = h.round(Array.from({ length: 20 }, (_, i) => Event.named("many").number("n", i % 7)));
    outs.forEach((out, i) => assert.deepEqual(out.entries.map((e) => e.milli), Array.from({ length: i % 7 }, (_, k) => k)));
  }
  const h = await host();
  h.room = 4;
  const outs = h.round([Event.named("many").number("n", 5), Event.named("many").number("n", 4)]);
  assert.match(outs[0].error, /more entries/);
  assert.equal(outs[1].entries.length, 4);
});

test("everything that can be said arrives", async () => {
  const outs = (await host()).round([
    Event.named("void"), Event.named("grade"), Event.named("wake").at(100), Event.named("adjust").row({ remaining: 5 }),
    Event.named("adjust").row({ remaining: 6 }).row({ remaining: 7 }),
  ]);
  assert.deepEqual(outs[0].entries.map((e) => [e.kind, e.flags, e.milli, e.scope]), [[4, 0, 0, 0n], [1, 2, 3, 0n], [4, 1, 0, 1n]]);
  assert.equal(outs[0].hidden, true);
  assert.deepEqual([outs[1].grade, outs[1].reason], ["A", "because"]);
  assert.equal(outs[2].wakeAt, 105, "the earliest wins");
  assert.equal(outs[3].entries[0].row, 0);
  assert.deepEqual([outs[4].entries[1].row, outs[4].milli], [2, -13]);
});

test("states migrate", async () => {
  const h = await host();
  assert.deepEqual(h.migrate(1, 2, [9]), [9, 0]);
  assert.deepEqual(h.migrate(2, 1, [9, 1]), [9]);
  assert.deepEqual(h.migrate(1, 2, []), []);
  assert.equal(h.migrate(3, 2, [9]), -1);
  assert.equal(h.migrate(1, 2, [0xff]), -2);
});

test("configurations are read and refused", async () => {
  const complaints = async (b) => (await Host.configure(file, b)).complaints;
  assert.equal(await complaints(new Block().bool("refuse", true)), "error: configuration: the plugin refuses its configuration: no way\n");
  const blocks = [new Block().text("label", "2w"), new Block().text("label", "two weeks")];
  assert.equal(await complaints(new Block().text("once", "ever").blocks("block", blocks)), "warning: label: No duration: two weeks\n");
  assert.equal(await complaints(new Block().object("block", new Block().text("label", "1d12h"))), "");
  for (const label of ["", "d", "60", "60x", "-1d", "1.5d", "1d ", "9999999999999999999d", "100000000000000w", "9007199254740992ms1ms"]) {
    assert.match(await complaints(new Block().object("block", new Block().text("label", label))), /No duration/, label);
  }
});

test("a header that leaves the arena is refused", async () => {
  for (const field of [16, 20, 8, 36, 40, 48, 64, 76]) {
    const h = await host();
    h.play(Event.named("award"));
    h.set(field, 0xfffffff0);
    assert.ok(h.guest.ripen_process(1) < 0, `field at ${field}`);
  }
});

test("a trap stops at its slot", async () => {
  const h = await host();
  assert.throws(() => h.round([Event.named("award"), Event.named("boom"), Event.named("award")]), WebAssembly.RuntimeError);
  assert.equal(h.view().getUint32(56, true), 1, "the host reads the cursor to know which one");
});

test("the heap is taken back after each slot", async () => {
  const h = await Host.open(new URL("../build/greedy.wasm", import.meta.url));
  const round = Array.from({ length: 100 }, () => Event.named("Quote Requested"));
  const first = h.round(round), memory = h.memory;
  for (let i = 0; i < 100; i++) assert.deepEqual(h.round(round)[99], first[99]);
  assert.equal(h.memory, memory);
});
