// A plugin that uses every part of the SDK. What an event makes it do stands in the event's name. It is sdk/c/tests/plugin.c in
// AssemblyScript: both must say the same.
import {
  CAP_LEDGER, CAP_STATE, CAP_TIMERS, CAP_VOID, Config, Counter, exact, foldedGlobs, globs, Input, Needs, NO_MILLIS, once, Output, parseMillis, Plugin,
  register, Rule,
} from "../assembly";

class Everything extends Plugin {
  event: u32 = 0;
  page: u32 = 0;
  size: u32 = 0;
  text: u32 = 0;
  label: u32 = 0;
  number: u32 = 0;
  seen: u32 = 0;
  hash: u32 = 0;
  cond: u32 = 0;
  plain: u16 = 0;
  foreign: u16 = 0;
  hot: u8 = 0;
  best: u16 = 0;
  because: u16 = 0;

  constructor() {
    super();
    this.caps = CAP_STATE | CAP_VOID | CAP_LEDGER | CAP_TIMERS;
    this.stateMax = 8;
    this.stateVersion = 2;
  }

  configure(cfg: Config, n: Needs): string | null {
    if (cfg.bool("refuse", false)) return "no way";
    this.event = n.event(exact(["award", "bad", "big", "long", "many", "state", "void", "grade", "wake", "adjust", "boom"]));
    this.page = n.path(globs(["/blog/*", "*price*"]));
    this.size = n.trait("size", foldedGlobs(["big*"]));
    this.number = n.propNumber("n");
    this.text = n.propText("text");
    this.hash = n.propHash("text");
    this.label = n.pathLabel();
    this.cond = n.cond(cfg.get("when"));
    n.onlyOn(this.cond, this.event, 1);
    const visits = new Counter("visits");
    visits.paths = ["*"];
    visits.window = 86_400_000;
    visits.only = cfg.get("when");
    this.seen = n.counter(visits);
    if (n.counter(new Counter("visits")) != this.seen) return "a counter of the same name is another one";
    if (n.propNumber("n") != this.number) return "the same column twice is two";
    const r = new Rule("rule/" + cfg.text("name", "plain"));
    r.group = "c";
    r.template = "{label}";
    r.node = cfg.node;
    r.max = 5000;
    once(cfg.text("once", "asset and list_id per day"), r);
    this.plain = n.rule(r);
    this.foreign = n.foreign("other", "quote", 0);
    this.hot = n.flag("hot");
    this.best = n.grade("A");
    n.grade("B");
    if (n.grade("A") != this.best) return "the same grade twice is two";
    this.because = n.reason("because");
    n.view("", "c", "");
    n.scale(-1000, 100_000);
    n.ageStep(86_400_000);
    n.horizon(7);
    n.sparse();
    n.keepsFresh();
    const blocks = cfg.blocks("block");
    for (let i = 0; i < blocks.length; i++) {
      if (parseMillis(blocks[i].label) == NO_MILLIS) n.warn(blocks[i], "label", "No duration", blocks[i].label);
    }
    return null;
  }

  score(input: Input, out: Output): string | null {
    if (input.isTimer) out.award(this.plain, input.at);
    if (input.which(this.page) > 0) out.awardFor(this.plain, 10 * input.which(this.page), this.label);
    if (input.which(this.size) > 0) out.flag(this.hot, true);
    if (input.known(this.seen)) out.award(this.plain, input.count(this.seen));
    const number = input.number(this.number);
    switch (input.which(this.event)) {
      case 1:
        if (input.isTrue(this.cond)) out.awardScoped(this.plain, 1, this.label, 77);
        if (input.known(this.number)) out.replace(this.plain, <i64>(number * 1000));
        break;
      case 2: {
        out.award(this.plain, 1);
        const t = input.text(this.text);
        return t === null ? "bad" : "bad: " + t;
      }
      case 3: out.setState(new Uint8Array(9)); break;
      case 4: return "x".repeat(3000);
      case 5: for (let i: i64 = 0; i < (number > 0 ? <i64>number : 0); i++) out.award(this.plain, i); break;
      case 6: {
        const next = new Uint8Array(2), state = input.state;
        next[0] = state.length > 0 ? state[0] + 1 : 1;
        next[1] = input.fresh ? 1 : 0;
        out.setState(next);
        break;
      }
      case 7:
        out.void(this.foreign);
        out.awardElse(this.plain, 3);
        out.voidEvent(input.eventHash);
        out.hide();
        break;
      case 8: out.grade(this.best, this.because); break;
      case 9:
        out.wake(input.now + 9);
        out.wake(input.now + 5);
        out.wake(0);
        break;
      case 10: for (let i = 0; i < input.rows; i++) out.adjust(i, -input.row(i).remaining); break;
      case 11: throw new Error("boom");
    }
    return null;
  }

  // Version 1 had one byte, version 2 has two.
  knows(from: u32, to: u32): bool { return from + to == 3; }

  migrate(state: Uint8Array, from: u32, to: u32): Uint8Array | null {
    if (<u32>state.length != from || state[0] == 0xff) return null;
    const next = new Uint8Array(to);
    next[0] = state[0];
    return next;
  }
}

register(new Everything());
export * from "../assembly/exports";
