//! acme-intent scores what a lead researches elsewhere, as Acme's weekly feed reports it.
#![cfg_attr(target_family = "wasm", no_std)]

use ripen::{exact, folded_globs, Config, Enum, Error, Input, InputKind, List, Needs, Number, Output, Plugin, Rule, RuleId, Source, Text, Time};

/// As many topics as a block may have; manifest.json says so too.
const TOPICS: usize = 16;
const DAY: i64 = 24 * 3600 * 1000;

const SURGED: usize = 1;
const WITHDRAWN: usize = 2;

/// What configure says and score needs.
pub struct Intent {
    event: Enum,   // SURGED or WITHDRAWN
    topic: Enum,   // from 1, in the order of the block
    label: Text,   // the topic as the feed writes it
    surge: Number, // 0 to 100
    consent: Enum, // 1: granted
    expires: Time,
    topics: &'static [Topic],
    from: f64,
    keep: i64, // ms
}

struct Topic {
    id: u64,
    rule: RuleId,
    points: i64, // milli-points of a surge of 100
}

impl Plugin for Intent {
    const CAPS: u64 = ripen::CAP_STATE | ripen::CAP_TIMERS;
    const STATE_MAX: u32 = STATE as u32;
    const STATE_VERSION: u32 = 1;

    fn configure(cfg: Config, n: &mut Needs) -> Result<Self, Error> {
        let mut topics = List::new();
        let mut names = List::new();
        for block in cfg.blocks("topic") {
            let name = block.label();
            let points = block.points("points", 0);
            if points <= 0 {
                n.error(block.get("points"), "points", "Nothing to give", "points is what a surge of 100 gives; write a number above 0.");
            }
            if names.contains(&name) {
                n.error(block, "topic", "Topic twice", "Each topic has one block; take one of them out.");
                continue;
            }
            names.push(name);
            // What somebody else reports is no activity of the lead: `activity` stays false.
            let rule = Rule {
                name: n.join(&["surge/", name]),
                class: "surge",
                template: "researches {label}, says Acme",
                max: points,
                node: block.node(),
                ..Rule::default()
            };
            topics.push(Topic { id: hash(name), rule: n.rule(&rule), points });
        }
        let keep = cfg.millis("keep", 14 * DAY);
        if keep <= 0 {
            n.error(cfg.get("keep"), "keep", "Nothing is kept", "keep is how long a report counts; write a duration above 0, such as \"14d\".");
        }
        n.sparse();
        Ok(Intent {
            event: n.event(exact(&["Intent Surged", "Intent Consent Withdrawn"])),
            topic: n.prop("topic", folded_globs(&names)),
            label: n.prop_label("topic"),
            surge: n.prop_number("surge"),
            consent: n.prop("consent", exact(&["granted"])),
            expires: n.column(InputKind::Time, Source::Prop, "expires", 0, exact(&[])).into(),
            topics: topics.into_slice(),
            from: cfg.number("from", 50.0),
            keep,
        })
    }

    fn score(&self, input: &Input, out: &mut Output) -> Result<(), Error> {
        let mut m = Memory::read(input.state(), self.topics);
        let before = m;
        match input.which(self.event) {
            SURGED => self.report(input, out, &mut m),
            WITHDRAWN => self.withdraw(input.at(), out, &mut m),
            _ => {}
        }
        for (topic, week) in self.topics.iter().zip(&mut m.weeks) {
            if week.until != 0 && week.until <= input.now() {
                forget(topic, week, out);
            }
            out.wake(week.until);
        }
        if m != before {
            let mut blob = [0; STATE];
            let n = m.write(self.topics, &mut blob);
            out.set_state(&blob[..n]);
        }
        Ok(())
    }
}

impl Intent {
    /// One line of the feed. The newest week of a topic counts, and nothing that nobody consented to.
    fn report(&self, input: &Input, out: &mut Output, m: &mut Memory) {
        let i = match input.which(self.topic) {
            0 => return, // a topic that nobody asked for
            i => i - 1,
        };
        let surge = match input.number(self.surge) {
            Some(surge) if input.which(self.consent) == 1 => surge,
            _ => return, // missing is unknown, and unknown fires nothing
        };
        let (topic, week, at) = (&self.topics[i], &mut m.weeks[i], input.at());
        if at <= m.refused || at < week.at {
            return; // it comes late: what is known is newer
        }
        week.at = at;
        let until = (at + self.keep).min(input.time(self.expires).unwrap_or(i64::MAX));
        if surge >= self.from && until > input.now() {
            week.until = until;
            out.replace(topic.rule, topic.points * surge.min(100.0) as i64 / 100, self.label);
        } else {
            forget(topic, week, out);
        }
    }

    /// The lead's person wants no reports: all that was known until then is taken back.
    fn withdraw(&self, at: i64, out: &mut Output, m: &mut Memory) {
        m.refused = m.refused.max(at);
        for (topic, week) in self.topics.iter().zip(&mut m.weeks) {
            if week.at <= m.refused {
                forget(topic, week, out);
            }
        }
    }
}

/// Takes back what a topic gave.
fn forget(topic: &Topic, week: &mut Week, out: &mut Output) {
    if week.until != 0 {
        week.until = 0;
        out.void(topic.rule);
    }
}

/// What is remembered of a lead. Times are ms, 0 is never.
#[derive(Clone, Copy, PartialEq)]
struct Memory {
    refused: i64,          // consent was withdrawn
    weeks: [Week; TOPICS], // by topic of the block
}

/// The newest report on a topic, and until when it counts.
#[derive(Clone, Copy, PartialEq)]
struct Week {
    at: i64,
    until: i64,
}

/// Bytes of the state: refused, and id, at and until of each topic. Topics are found by their id, so that a workflow may change their order.
const STATE: usize = 8 + 24 * TOPICS;

impl Memory {
    fn read(blob: &[u8], topics: &[Topic]) -> Memory {
        let mut m = Memory { refused: int(blob, 0), weeks: [Week { at: 0, until: 0 }; TOPICS] };
        for record in blob.get(8..).unwrap_or(&[]).chunks_exact(24) {
            if let Some(i) = topics.iter().position(|t| t.id as i64 == int(record, 0)) {
                m.weeks[i] = Week { at: int(record, 8), until: int(record, 16) };
            }
        }
        m
    }

    fn write(&self, topics: &[Topic], blob: &mut [u8; STATE]) -> usize {
        let mut n = 0;
        let mut put = |v: i64| {
            blob[n..n + 8].copy_from_slice(&v.to_le_bytes());
            n += 8;
        };
        put(self.refused);
        for (topic, week) in topics.iter().zip(&self.weeks) {
            if week.at != 0 {
                put(topic.id as i64);
                put(week.at);
                put(week.until);
            }
        }
        n
    }
}

fn int(b: &[u8], at: usize) -> i64 {
    let mut v = [0; 8];
    match b.get(at..at + 8) {
        Some(bytes) => v.copy_from_slice(bytes),
        None => return 0,
    }
    i64::from_le_bytes(v)
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

ripen::plugin!(Intent);

#[cfg(test)]
mod tests {
    use super::{Intent, DAY};
    use ripen::testing::{Block, Event, Host, Outcome};

    /// Two topics; the lead's state goes from event to event.
    struct Lead {
        host: Host<Intent>,
        state: Option<Vec<u8>>,
    }

    impl Lead {
        fn new() -> Lead {
            let topic = |name: &str, points| Block::new().text("label", name).points("points", points);
            let block = Block::new().number("from", 40.0).blocks("topic", vec![topic("lead scoring*", 30_000), topic("crm", 10_000)]);
            Lead { host: Host::new(block), state: None }
        }

        fn play(&mut self, e: Event) -> Outcome {
            let e = match &self.state {
                Some(blob) => e.state(blob),
                None => e,
            };
            let out = self.host.play(e);
            if out.state.is_some() {
                self.state = out.state.clone();
            }
            out
        }

        fn hear(&mut self, topic: &str, surge: f64, day: i64) -> Outcome {
            self.play(Event::named("Intent Surged").text("topic", topic).number("surge", surge).text("consent", "granted").at(day * DAY))
        }
    }

    const REPLACE: u8 = 2;
    const VOID: u8 = 4;

    fn said(out: &Outcome) -> Vec<(u8, i64)> {
        out.entries.iter().map(|e| (e.kind, e.milli)).collect()
    }

    #[test]
    fn the_newest_week_of_a_topic_counts() {
        let mut l = Lead::new();
        let out = l.hear("Lead Scoring Tools", 80.0, 7);
        assert_eq!((said(&out), out.wake_at), (vec![(REPLACE, 24_000)], 21 * DAY));
        assert_eq!(said(&l.hear("CRM", 50.0, 8)), [(REPLACE, 5_000)]);
        assert_eq!(said(&l.hear("lead scoring", 250.0, 14)), [(REPLACE, 30_000)], "100 is the most");
        assert_eq!(said(&l.hear("lead scoring", 90.0, 13)), [], "it comes late");
        assert_eq!(said(&l.hear("payroll", 90.0, 14)), [], "nobody asked for it");
        let out = l.hear("lead scoring", 39.0, 21);
        assert_eq!((said(&out), out.wake_at), (vec![(VOID, 0)], 22 * DAY), "the surge is over");
    }

    #[test]
    fn a_report_is_forgotten_in_time() {
        let mut l = Lead::new();
        l.hear("crm", 100.0, 7);
        let out = l.play(Event::timer(21 * DAY));
        assert_eq!((said(&out), out.wake_at), (vec![(VOID, 0)], 0));
        let early = Event::named("Intent Surged").text("topic", "crm").number("surge", 100.0).text("consent", "granted");
        assert_eq!(l.play(early.clone().time("expires", 30 * DAY).at(28 * DAY)).wake_at, 30 * DAY);
        assert_eq!(said(&l.play(early.time("expires", 30 * DAY).at(31 * DAY))), [(VOID, 0)], "it had expired when it came");
    }

    #[test]
    fn nothing_counts_that_nobody_consented_to() {
        let mut l = Lead::new();
        let bare = Event::named("Intent Surged").text("topic", "crm").number("surge", 100.0).at(7 * DAY);
        assert_eq!(l.play(bare.clone()), Outcome::default());
        assert_eq!(l.play(bare.text("consent", "unclear")), Outcome::default());
        l.hear("crm", 100.0, 7);
        let out = l.play(Event::named("Intent Consent Withdrawn").at(9 * DAY));
        assert_eq!((said(&out), out.wake_at), (vec![(VOID, 0)], 0));
        assert_eq!(said(&l.hear("crm", 100.0, 8)), [], "it is older than the withdrawal");
        assert_eq!(said(&l.hear("crm", 100.0, 10)), [(REPLACE, 10_000)], "granted anew");
    }

    #[test]
    fn mistakes_are_named() {
        let says = |b: Block| Host::<Intent>::configure(b).complaints;
        let topic = || Block::new().text("label", "crm").points("points", 1);
        assert!(says(Block::new().blocks("topic", vec![topic(), topic()])).contains("Topic twice"));
        assert!(says(Block::new().blocks("topic", vec![topic().points("points", 0)])).is_empty(), "the first member counts");
        assert!(says(Block::new().blocks("topic", vec![Block::new().text("label", "crm")])).contains("Nothing to give"));
        assert!(says(Block::new().millis("keep", 0)).contains("Nothing is kept"));
    }
}
