//! {{name}} gives a point for every thousand that a requested quote is about.
#![cfg_attr(target_family = "wasm", no_std)]

use ripen::{exact, Config, Enum, Error, Input, Needs, Number, Output, Plugin, Rule, RuleId};

/// What configure says and score needs.
pub struct QuoteSize {
    event: Enum,
    amount: Number,
    rule: RuleId,
    most: i64, // milli-points
}

impl Plugin for QuoteSize {
    /// Reads the block of the step and says what score needs.
    fn configure(cfg: Config, n: &mut Needs) -> Result<Self, Error> {
        let most = cfg.points("most", 50_000);
        if most <= 0 {
            n.error(cfg.get("most"), "most", "Nothing to give", "most is how many points a quote can give; write a number above 0.");
        }
        Ok(QuoteSize {
            event: n.event(exact(&["Quote Requested"])),
            amount: n.prop_number("amount"),
            rule: n.rule(&Rule { name: "quote", template: "{label}", activity: true, max: most, ..Rule::default() }),
            most,
        })
    }

    /// Looks at one input of one lead. It keeps nothing between two calls.
    fn score(&self, input: &Input, out: &mut Output) -> Result<(), Error> {
        if input.which(self.event) == 0 {
            return Ok(()); // another event, or no event at all
        }
        match input.number(self.amount) {
            // A point is 1,000 milli-points: a thousand in the quote, a point in the ledger.
            Some(amount) if amount > 0.0 => out.award(self.rule, amount.min(self.most as f64) as i64),
            _ => {} // missing is unknown, and unknown fires nothing
        }
        Ok(())
    }
}

ripen::plugin!(QuoteSize);

#[cfg(test)]
mod tests {
    use super::QuoteSize;
    use ripen::testing::{Block, Event, Host};

    #[test]
    fn gives_a_point_for_every_thousand() {
        let mut h = Host::<QuoteSize>::new(Block::new().points("most", 20_000));
        let quote = || Event::named("Quote Requested");
        assert_eq!(h.play(quote().number("amount", 7500.0)).milli(), 7_500);
        assert_eq!(h.play(quote().number("amount", 1e9)).milli(), 20_000);
        assert_eq!(h.play(quote()).milli(), 0, "an amount that is missing gives nothing");
        assert_eq!(h.play(Event::named("Order Placed").number("amount", 7500.0)).milli(), 0);
    }

    #[test]
    fn refuses_a_limit_of_nothing() {
        assert!(Host::<QuoteSize>::configure(Block::new().points("most", 0)).complaints.contains("Nothing to give"));
    }
}
