// {{name}} gives a point for every thousand that a requested quote is about.
import { Config, exact, Input, Needs, Output, Plugin, register, Rule } from "../third_party/ripen-assemblyscript/assembly";

class QuoteSize extends Plugin {
  // What configure says and score needs. Nothing here changes afterwards.
  event: u32 = 0;
  amount: u32 = 0;
  rule: u16 = 0;
  most: i64 = 0; // milli-points

  /** Reads the block of the step and says what score needs. */
  configure(cfg: Config, n: Needs): string | null {
    this.most = cfg.points("most", 50_000);
    if (this.most <= 0) {
      n.error(cfg.get("most"), "most", "Nothing to give", "most is how many points a quote can give; write a number above 0.");
    }
    this.event = n.event(exact(["Quote Requested"]));
    this.amount = n.propNumber("amount");
    const rule = new Rule("quote");
    rule.template = "{label}";
    rule.activity = true;
    rule.max = this.most;
    this.rule = n.rule(rule);
    return null;
  }

  /** Looks at one input of one lead. It keeps nothing between two calls. */
  score(input: Input, out: Output): string | null {
    if (input.which(this.event) == 0) return null; // another event, or no event at all
    const amount = input.number(this.amount);
    if (!(amount > 0)) return null; // missing is unknown, and unknown fires nothing
    // A point is 1,000 milli-points: a thousand in the quote, a point in the ledger.
    out.award(this.rule, <i64>min(amount, <f64>this.most));
    return null;
  }
}

register(new QuoteSize());
export * from "../third_party/ripen-assemblyscript/assembly/exports";
