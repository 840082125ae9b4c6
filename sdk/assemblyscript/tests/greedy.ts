// A plugin that makes objects on every call, some 2 kB of them, and awards what it counts in them. The same as sdk/langtest/testdata/greedy.
import { Config, exact, Input, Needs, Output, Plugin, register, Rule } from "../assembly";

class Greedy extends Plugin {
  event: u32 = 0;
  rule: u16 = 0;

  configure(cfg: Config, n: Needs): string | null {
    this.event = n.event(exact(["Quote Requested"]));
    this.rule = n.rule(new Rule("greedy"));
    return null;
  }

  score(input: Input, out: Output): string | null {
    const words: string[] = [];
    for (let i: u64 = 0; i < 16; i++) words.push("word " + ((input.seed >> i) & 1023).toString());
    const all = words.join(", ");
    if (input.which(this.event) > 0) out.award(this.rule, all.length);
    return null;
  }
}

register(new Greedy());
export * from "../assembly/exports";
