//! A plugin that uses every part of the SDK. What an event makes it do stands in the event's name. It is sdk/c/tests/plugin.c in Rust: both
//! must say the same.
#![no_std]

use ripen::*;

struct Everything {
    event: Enum,
    page: Enum,
    size: Enum,
    text: Text,
    label: Text,
    number: Number,
    seen: Count,
    cond: Bool,
    plain: RuleId,
    foreign: RuleId,
    hot: Flag,
    best: Grade,
    because: Reason,
}

impl Plugin for Everything {
    const CAPS: u64 = CAP_STATE | CAP_VOID | CAP_LEDGER | CAP_TIMERS;
    const STATE_MAX: u32 = 8;
    const STATE_VERSION: u32 = 2;

    fn configure(cfg: Config, n: &mut Needs) -> Result<Self, Error> {
        if cfg.bool("refuse", false) {
            return Err("no way".into());
        }
        let event = n.event(exact(&["award", "bad", "big", "long", "many", "state", "void", "grade", "wake", "adjust", "boom"]));
        let page = n.path(globs(&["/blog/*", "*price*"]));
        let size = n.r#trait("size", folded_globs(&["big*"]));
        let number = n.prop_number("n");
        let text = n.prop_text("text");
        n.prop_hash("text");
        let label = n.path_label();
        let cond = n.cond(cfg.get("when"));
        n.only_on(cond, event, 1);
        let seen = n.counter(&Counter { name: "visits", paths: &["*"], window: 86_400_000, only: cfg.get("when"), ..Counter::default() });
        if n.counter(&Counter { name: "visits", ..Counter::default() }) != seen {
            return Err("a counter of the same name is another one".into());
        }
        if n.prop_number("n") != number {
            return Err("the same column twice is two".into());
        }
        let name = n.join(&["rule/", cfg.text("name", "plain")]);
        let mut rule = Rule { name, class: "c", template: "{label}", node: cfg.node(), max: 5000, ..Rule::default() };
        once(cfg.text("once", "asset and list_id per day"), &mut rule);
        let plain = n.rule(&rule);
        let foreign = n.foreign("other", "quote", 0);
        let hot = n.flag("hot");
        let best = n.grade("A");
        n.grade("B");
        if n.grade("A") != best {
            return Err("the same grade twice is two".into());
        }
        let because = n.reason("because");
        n.view("", "c", "");
        n.scale(-1000, 100_000);
        n.age_step(86_400_000);
        n.horizon(7);
        n.sparse();
        n.keeps_fresh();
        for b in cfg.blocks("block") {
            if parse_millis(b.label()).is_none() {
                n.warn(b, "label", "No duration", b.label());
            }
        }
        Ok(Everything { event, page, size, text, label, number, seen, cond, plain, foreign, hot, best, because })
    }

    fn score(&self, input: &Input, out: &mut Output) -> Result<(), Error> {
        if input.is_timer() {
            out.award(self.plain, input.at());
        }
        if input.which(self.page) > 0 {
            out.award_for(self.plain, 10 * input.which(self.page) as i64, self.label);
        }
        if input.which(self.size) > 0 {
            out.flag(self.hot, true);
        }
        if let Some(visits) = input.count(self.seen) {
            out.award(self.plain, visits);
        }
        match input.which(self.event) {
            1 => {
                if input.is_true(self.cond) {
                    out.award_scoped(self.plain, 1, self.label, 77);
                }
                if let Some(v) = input.number(self.number) {
                    out.replace(self.plain, (v * 1000.0) as i64, Text::NONE);
                }
            }
            2 => {
                out.award(self.plain, 1);
                return Err(match input.text(self.text) {
                    Some(t) => error!("bad: {}", t),
                    None => "bad".into(),
                });
            }
            3 => out.set_state(b"123456789"),
            4 => return Err(error!("{:x>3000}", "")),
            5 => (0..input.number(self.number).unwrap_or(0.0) as i64).for_each(|i| out.award(self.plain, i)),
            6 => {
                let next = input.state().first().map_or(1, |n| n + 1);
                out.set_state(&[next, input.fresh() as u8]);
            }
            7 => {
                out.void(self.foreign);
                out.award_else(self.plain, 3);
                out.void_event(input.event_hash());
                out.hide();
            }
            8 => out.grade(self.best, self.because),
            9 => {
                out.wake(input.now() + 9);
                out.wake(input.now() + 5);
                out.wake(0);
            }
            10 => input.rows().iter().enumerate().for_each(|(i, row)| out.adjust(i, -row.remaining)),
            11 => panic!("boom"),
            _ => {}
        }
        Ok(())
    }

    // Version 1 had one byte, version 2 has two.
    fn migrate(state: &[u8], from: u32, to: u32, out: &mut [u8]) -> Result<usize, Unmigrated> {
        if from + to != 3 {
            return Err(Unmigrated::Version);
        }
        if state.is_empty() {
            return Ok(0);
        }
        if state.len() != from as usize || out.len() < 2 || state[0] == 0xff {
            return Err(Unmigrated::Blob);
        }
        out[0] = state[0];
        out[1] = 0;
        Ok(to as usize)
    }
}

ripen::plugin!(Everything);
