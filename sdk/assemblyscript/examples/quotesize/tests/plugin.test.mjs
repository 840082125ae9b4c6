// The module itself, in this process: npm test builds it first.
import assert from "node:assert/strict";
import test from "node:test";
import { Block, Event, Host } from "../../../assembly/testing.mjs";

const file = new URL("../build/raw.wasm", import.meta.url);

test("gives a point for every thousand", async () => {
  const h = await Host.open(file, new Block().points("most", 20_000));
  const quote = () => Event.named("Quote Requested");
  assert.equal(h.play(quote().number("amount", 7500)).milli, 7_500);
  assert.equal(h.play(quote().number("amount", 1e9)).milli, 20_000);
  assert.equal(h.play(quote()).milli, 0, "an amount that is missing gives nothing");
  assert.equal(h.play(Event.named("Order Placed").number("amount", 7500)).milli, 0);
});

test("refuses a limit of nothing", async () => {
  assert.match((await Host.configure(file, new Block().points("most", 0))).complaints, /Nothing to give/);
});
