//! Tests of the SDK: a plugin that uses every part of it. What an event makes it do stands in the event's name.
use ripen::testing::{Block, Event, Host, Outcome};
use ripen::*;

struct Everything {
    event: Enum,
    page: Enum,
    size: Enum,
    text: Text,
    label: Text,
    number: Number,
    seen: Count,
    hash: Hash,
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
            return Err(error!("no way, {}", "José"));
        }
        let event = n.event(exact(&["award", "bad", "big", "long", "many", "state", "void", "grade", "wake", "adjust", "boom"]));
        let cond = n.cond(cfg.get("when"));
        n.only_on(cond, event, 1);
        let visits = Counter { name: "visits", paths: &["*"], window: 86_400_000, only: cfg.get("when"), ..Counter::default() };
        let seen = n.counter(&visits);
        assert_eq!(seen, n.counter(&Counter { name: "visits", ..Counter::default() }));
        let number = n.prop_number("n");
        assert_eq!(number, n.prop_number("n"), "the same column twice is one");
        for i in 0..70 {
            let name = n.join(&["filler", &i.to_string()]); // more than one word of the bitmap
            n.prop_text(name);
        }
        let name = n.join(&["rule/", cfg.text("name", "plain")]);
        let mut rule = Rule { name, class: "c", template: "{label}", node: cfg.node(), max: 5000, ..Rule::default() };
        once(cfg.text("once", "asset and list_id per day"), &mut rule);
        let best = n.grade("A");
        n.grade("B");
        assert_eq!(best, n.grade("A"));
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
        Ok(Everything {
            event,
            page: n.path(globs(&["/blog/*", "*price*"])),
            size: n.r#trait("size", folded_globs(&["big*"])),
            text: n.prop_text("text"),
            label: n.path_label(),
            number,
            seen,
            hash: n.prop_hash("text"),
            cond,
            plain: n.rule(&rule),
            foreign: n.foreign("other", "quote", 0),
            hot: n.flag("hot"),
            best,
            because: n.reason("because"),
        })
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
        if let Some(n) = input.count(self.seen) {
            out.award(self.plain, n);
        }
        match input.which(self.event) {
            1 => {
                if input.is_true(self.cond) {
                    out.award_scoped(self.plain, 1, self.label, input.hash(self.hash).unwrap_or(77));
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
            4 => return Err(error!("{:x<3000}", "")),
            5 => (0..input.number(self.number).unwrap_or(0.0) as i64).for_each(|i| out.award(self.plain, i)),
            6 => out.set_state(&[input.state().first().map_or(1, |b| b + 1), input.fresh() as u8]),
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
            10 => input.rows().iter().enumerate().for_each(|(i, r)| out.adjust(i, -r.remaining)),
            11 => panic!("boom"),
            _ => {}
        }
        Ok(())
    }

    /// Version 1 had one byte, version 2 has two.
    fn migrate(state: &[u8], from: u32, to: u32, out: &mut [u8]) -> Result<usize, Unmigrated> {
        match (from + to, state) {
            (3, []) => Ok(0),
            (3, [a, ..]) if state.len() == from as usize && *a != 0xff => {
                out[..2].copy_from_slice(&[*a, 0]);
                Ok(to as usize)
            }
            (3, _) => Err(Unmigrated::Blob),
            _ => Err(Unmigrated::Version),
        }
    }
}

fn host() -> Host<Everything> {
    Host::new(Block::new().expr("when", 0))
}

#[test]
fn columns_are_typed_and_may_be_missing() {
    let mut h = host();
    let outs = h.round(&[
        Event::named("award").number("n", 2.5).cond(0, true),
        Event::named("award").cond(0, false),
        Event::page("/blog"),
        Event::page("/our/prices").fact("size", "Big One").counter("visits", 4),
        Event::timer(1234),
        Event::probe(1234),
        Event::named("award").cond(0, true).text("text", ""),
    ]);
    assert_eq!((outs[0].entries.len(), outs[0].entries[0].scope, outs[0].entries[1].kind, outs[0].entries[1].milli), (2, 77, 2, 2500));
    assert!(outs[1].entries.is_empty());
    assert_eq!(outs[2].milli(), 10);
    assert!(outs[2].entries[0].label > 64, "a column of the second word");
    assert_eq!((outs[3].milli(), outs[3].flags.join(",")), (24, "hot".into()));
    assert_eq!((outs[4].milli(), outs[4].entries[0].rule.as_str()), (1234, "rule/plain"));
    assert_eq!(outs[5], Outcome::default());
    assert_eq!(outs[6].entries[0].scope, 14_695_981_039_346_656_037, "an empty text is known");
}

#[test]
fn an_error_drops_the_slot_and_says_why() {
    let names = ["bad", "state", "big", "long", "long", "long", "long", "long", "bad", "state"];
    let mut events: Vec<_> = names.iter().map(|n| Event::named(n)).collect();
    events[0] = events[0].clone().text("text", "héllo");
    let outs = host().round(&events);
    assert_eq!((outs[0].error.as_str(), outs[8].error.as_str()), ("bad: héllo", "bad"));
    assert_eq!(outs[2].error, "the new state is larger than the plugin's StateMax");
    for out in &outs[3..8] {
        assert_eq!(out.error, "x".repeat(1024), "whatever else the round holds");
    }
    for i in [0, 2, 3, 8] {
        assert!(outs[i].entries.is_empty() && outs[i].state.is_none());
    }
    assert_eq!((outs[1].state.as_deref(), outs[9].state.as_deref()), (Some(&[1, 1][..]), Some(&[1, 1][..])));
    assert_eq!(host().play(Event::named("state").state(&[7, 0])).state, Some(vec![8, 0]));
}

#[test]
fn a_full_ring_changes_nothing() {
    for room in 6..30 {
        let mut h = host();
        h.room = room;
        let events: Vec<_> = (0..20).map(|i| Event::named("many").number("n", f64::from(i % 7))).collect();
        for (i, out) in h.round(&events).iter().enumerate() {
            let want: Vec<i64> = (0..i as i64 % 7).collect();
            assert_eq!(out.entries.iter().map(|e| e.milli).collect::<Vec<_>>(), want);
        }
    }
    let mut h = host();
    h.room = 4;
    let outs = h.round(&[Event::named("many").number("n", 5.0), Event::named("many").number("n", 4.0)]);
    assert!(outs[0].error.contains("more entries") && outs[0].entries.is_empty());
    assert_eq!(outs[1].entries.len(), 4);
}

#[test]
fn everything_that_can_be_said_arrives() {
    let row = |remaining| Row { remaining, ..Row::default() };
    let outs = host().round(&[
        Event::named("void"),
        Event::named("grade"),
        Event::named("wake").at(100),
        Event::named("adjust").row(row(5)),
        Event::named("adjust").row(row(6)).row(row(7)),
    ]);
    let said: Vec<_> = outs[0].entries.iter().map(|e| (e.kind, e.flags, e.milli, e.scope)).collect();
    assert_eq!(said, [(4, 0, 0, 0), (1, 2, 3, 0), (4, 1, 0, 1)]);
    assert!(outs[0].hidden);
    assert_eq!((outs[1].grade.as_str(), outs[1].reason.as_str()), ("A", "because"));
    assert_eq!(outs[2].wake_at, 105, "the earliest wins");
    assert_eq!(outs[3].entries[0].row, 0);
    assert_eq!((outs[4].entries[1].row, outs[4].milli()), (2, -13));
}

#[test]
fn states_migrate() {
    let mut h = host();
    assert_eq!(h.migrate(1, 2, &[9], 8), Ok(vec![9, 0]));
    assert_eq!(h.migrate(2, 1, &[9, 1], 8), Ok(vec![9]));
    assert_eq!(h.migrate(1, 2, &[], 8), Ok(vec![]));
    assert_eq!(h.migrate(3, 2, &[9], 8), Err(-1));
    assert_eq!(h.migrate(1, 2, &[0xff], 8), Err(-2));
}

#[test]
fn configurations_are_read_and_refused() {
    let complaints = |b| Host::<Everything>::configure(b).complaints;
    assert_eq!(complaints(Block::new().bool("refuse", true)), "error: configuration: the plugin refuses its configuration: no way, José\n");
    let blocks = vec![Block::new().text("label", "2w"), Block::new().text("label", "two weeks")];
    assert_eq!(complaints(Block::new().text("once", "ever").blocks("block", blocks)), "warning: label: No duration: two weeks\n");
    assert_eq!(complaints(Block::new().object("block", Block::new().text("label", "1d12h"))), "");

    let mut g = Guest::<Everything>::new();
    assert!(g.configure(0, 0).is_none() && g.process(0) < 0 && g.bind(0, 16) < 0);
    assert!(!g.reserve_new(4096).is_null() && g.reserve_new(4096).is_null(), "once");
    for (off, len) in [(0, 5000), (4095, 2), (1 << 31, 1 << 31), (0, 16)] {
        assert!(g.configure(off, len).is_none());
    }
    assert_eq!(&g.describe()[..4], b"RPEN");
}

#[test]
fn a_header_that_leaves_the_arena_is_refused() {
    for field in [16, 20, 8, 36, 40, 48, 64, 76] {
        let mut h = host();
        h.play(Event::named("award"));
        h.guest().arena()[field..field + 4].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
        assert!(h.guest().process(1) < 0, "field at {}", field);
    }
}

#[test]
fn a_panic_stops_at_its_slot() {
    let mut h = host();
    let broke = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| h.round(&[Event::named("award"), Event::named("boom"), Event::named("award")])));
    assert!(broke.is_err());
    assert_eq!(h.guest().arena()[56], 1, "the host reads the cursor to know which one");
}

#[test]
fn damaged_blobs_are_refused() {
    let mut r = 7u64;
    for _ in 0..20_000 {
        let mut g = Guest::<Everything>::new();
        g.reserve_new(8192);
        let mut blob = b"CONF\x02\0\0\0\x50\0\0\0\x08\0\0\0".to_vec();
        blob.resize(16 + 64 + 8, 0);
        blob[16] = 5;
        blob[44] = 1;
        for _ in 0..3 {
            r = r.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (r >> 33) as usize % blob.len();
            blob[at] = (r >> 56) as u8;
        }
        g.arena()[128..128 + blob.len()].copy_from_slice(&blob);
        if let Some(answer) = g.configure(128, blob.len() as u32) {
            assert_eq!(answer.len() - 4, u32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]) as usize);
        }
    }
}

#[test]
fn texts() {
    for (text, want) in [("60d", 5_184_000_000), ("24h", 86_400_000), ("500ms", 500), ("1d12h", 129_600_000), ("2w", 1_209_600_000), ("0s", 0)] {
        assert_eq!(parse_millis(text), Some(want), "{}", text);
    }
    for text in ["", "d", "60", "60x", "-1d", "1.5d", "1d ", "9999999999999999999d", "100000000000000w", "9007199254740992ms1ms"] {
        assert_eq!(parse_millis(text), None, "{}", text);
    }
    for (glob, text, want) in [("/blog/*", "/blog", true), ("/blog/*", "/blogs", false), ("*a*b", "xaxb", true), ("*a*b", "xb", false), ("", "", true)] {
        assert_eq!(match_glob(glob, text), want, "{} {}", glob, text);
    }
    let mut r = Rule::default();
    once("a and b.c per day", &mut r);
    assert_eq!((r.scope, r.keys, r.per_day), (Scope::Once, &["a", "b.c"][..], true));
}
