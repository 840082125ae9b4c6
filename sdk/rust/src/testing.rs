//! Runs a plugin natively, in plain `cargo test`: the same guest code over the same arena as in WebAssembly, with a small host in place of
//! Ripen.
//!
//! ```
//! # use ripen::{exact, Config, Enum, Error, Input, Needs, Output, Plugin, Rule, RuleId};
//! # struct Asked(Enum, RuleId, i64);
//! # impl Plugin for Asked {
//! #     fn configure(cfg: Config, n: &mut Needs) -> Result<Self, Error> {
//! #         Ok(Asked(n.event(exact(&["Demo Requested"])), n.rule(&Rule { name: "asked", ..Rule::default() }), cfg.points("points", 100_000)))
//! #     }
//! #     fn score(&self, input: &Input, out: &mut Output) -> Result<(), Error> {
//! #         if input.which(self.0) == 1 { out.award(self.1, self.2) }
//! #         Ok(())
//! #     }
//! # }
//! use ripen::testing::{Block, Event, Host};
//!
//! let mut h = Host::<Asked>::new(Block::new().points("points", 50_000));
//! assert_eq!(h.play(Event::named("Demo Requested")).milli(), 50_000);
//! ```
//!
//! The host does not apply scopes and caps: entries are shown as the plugin wrote them. What an event does not set is unknown.
use crate::config::get32;
use crate::{match_glob, Guest, Plugin, Row};
use std::collections::HashMap;

/// The configuration that a test hands over. Its values are of the kinds that the schema would make them.
#[derive(Clone, Debug, Default)]
pub struct Block(Vec<(String, Value)>);

#[derive(Clone, Debug)]
enum Value {
    Scalar(u8, u64),
    Text(String),
    Object(Block),
    List(Vec<Value>),
}

impl Block {
    /// An empty block.
    pub fn new() -> Block {
        Block::default()
    }

    fn with(mut self, key: &str, v: Value) -> Block {
        self.0.push((key.into(), v));
        self
    }

    /// A number of milli-points.
    pub fn points(self, key: &str, milli: i64) -> Block {
        self.with(key, Value::Scalar(7, milli as u64))
    }

    /// A duration in ms.
    pub fn millis(self, key: &str, ms: i64) -> Block {
        self.with(key, Value::Scalar(8, ms as u64))
    }

    /// The expression with that id; an event says what it is worth ([`Event::cond`]).
    pub fn expr(self, key: &str, id: u32) -> Block {
        self.with(key, Value::Scalar(6, u64::from(id)))
    }

    /// A number.
    pub fn number(self, key: &str, v: f64) -> Block {
        self.with(key, Value::Scalar(2, v.to_bits()))
    }

    /// A truth value.
    pub fn bool(self, key: &str, v: bool) -> Block {
        self.with(key, Value::Scalar(1, v as u64))
    }

    /// A text.
    pub fn text(self, key: &str, v: &str) -> Block {
        self.with(key, Value::Text(v.into()))
    }

    /// A list of texts.
    pub fn texts(self, key: &str, v: &[&str]) -> Block {
        self.with(key, Value::List(v.iter().map(|s| Value::Text(s.to_string())).collect()))
    }

    /// An object.
    pub fn object(self, key: &str, v: Block) -> Block {
        self.with(key, Value::Object(v))
    }

    /// Blocks of one type; their labels are texts with the key `label`.
    pub fn blocks(self, key: &str, v: Vec<Block>) -> Block {
        self.with(key, Value::List(v.into_iter().map(Value::Object).collect()))
    }

    fn encode(&self) -> Vec<u8> {
        let (mut nodes, mut heap) = (Vec::new(), Vec::new());
        add(&mut nodes, &mut heap, "", &Value::Object(self.clone()), 0);
        let mut b = b"CONF".to_vec();
        for v in [nodes.len() / 32, 16 + nodes.len(), heap.len()] {
            b.extend((v as u32).to_le_bytes());
        }
        b.extend(nodes);
        b.extend(heap);
        b
    }
}

fn set(b: &mut [u8], at: usize, v: usize) {
    b[at..at + 4].copy_from_slice(&(v as u32).to_le_bytes());
}

fn add(nodes: &mut Vec<u8>, heap: &mut Vec<u8>, key: &str, v: &Value, parent: usize) -> usize {
    let at = nodes.len();
    nodes.resize(at + 32, 0);
    let mut text = |s: &str| {
        heap.extend(s.as_bytes());
        (heap.len() - s.len(), s.len())
    };
    let (off, len) = text(key);
    set(nodes, at + 4, off);
    set(nodes, at + 8, len);
    set(nodes, at + 12, parent);
    let mut children: Vec<(&str, &Value)> = Vec::new();
    match v {
        Value::Scalar(kind, bits) => {
            nodes[at] = *kind;
            nodes[at + 16..at + 24].copy_from_slice(&bits.to_le_bytes());
        }
        Value::Text(s) => {
            let (off, len) = text(s);
            nodes[at] = 3;
            set(nodes, at + 16, off);
            set(nodes, at + 20, len);
        }
        Value::List(items) => {
            nodes[at] = 4;
            children.extend(items.iter().map(|v| ("", v)));
        }
        Value::Object(b) => {
            nodes[at] = 5;
            children.extend(b.0.iter().map(|(k, v)| (k.as_str(), v)));
        }
    }
    let mut link = at + 28;
    for (k, v) in children {
        let child = add(nodes, heap, k, v, at / 32);
        set(nodes, link, child / 32);
        link = child + 24;
    }
    at
}

/// One input of one lead. Times are ms.
#[derive(Clone, Debug)]
pub struct Event {
    kind: u32,
    hash: u64,
    at: i64,
    now: i64,
    texts: HashMap<(u8, String), String>,
    numbers: HashMap<String, f64>,
    times: HashMap<String, i64>,
    counters: HashMap<String, i64>,
    conds: HashMap<u32, bool>,
    state: Option<Vec<u8>>,
    rows: Vec<Row>,
}

impl Event {
    fn new(kind: u32) -> Event {
        Event {
            kind,
            hash: 0,
            at: 0,
            now: 0,
            texts: HashMap::new(),
            numbers: HashMap::new(),
            times: HashMap::new(),
            counters: HashMap::new(),
            conds: HashMap::new(),
            state: None,
            rows: Vec::new(),
        }
    }

    fn source(mut self, source: u8, name: &str, v: &str) -> Event {
        self.texts.insert((source, name.into()), v.into());
        self
    }

    /// An event of that name.
    pub fn named(name: &str) -> Event {
        Event { hash: 1, ..Event::new(1).source(1, "", name).source(11, "", "track") }
    }

    /// A page view.
    pub fn page(path: &str) -> Event {
        Event { hash: 1, ..Event::new(1).source(2, "", path).source(11, "", "page") }
    }

    /// A timer that is due then.
    pub fn timer(due: i64) -> Event {
        Event { at: due, now: due, ..Event::new(2) }
    }

    /// A look at what would be true then.
    pub fn probe(now: i64) -> Event {
        Event { at: now, now, ..Event::new(3) }
    }

    /// Its time, and the lead's clock.
    pub fn at(mut self, ms: i64) -> Event {
        self.at = ms;
        self.now = ms;
        self
    }

    /// A property that is a text.
    pub fn text(self, prop: &str, v: &str) -> Event {
        self.source(3, prop, v)
    }

    /// A property that is a number.
    pub fn number(mut self, prop: &str, v: f64) -> Event {
        self.numbers.insert(prop.into(), v);
        self
    }

    /// A property that is a time in ms.
    pub fn time(mut self, prop: &str, ms: i64) -> Event {
        self.times.insert(prop.into(), ms);
        self
    }

    /// A person-level fact.
    pub fn fact(self, name: &str, v: &str) -> Event {
        self.source(4, name, v)
    }

    /// What a counter says.
    pub fn counter(mut self, name: &str, v: i64) -> Event {
        self.counters.insert(name.into(), v);
        self
    }

    /// What the condition with that id is worth.
    pub fn cond(mut self, expr: u32, v: bool) -> Event {
        self.conds.insert(expr, v);
        self
    }

    /// The lead's state; fresh without.
    pub fn state(mut self, bytes: &[u8]) -> Event {
        self.state = Some(bytes.to_vec());
        self
    }

    /// A row of the lead's ledger.
    pub fn row(mut self, r: Row) -> Event {
        self.rows.push(r);
        self
    }
}

/// What a plugin said of one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Soft error, empty if none; nothing else counts then.
    pub error: String,
    /// The entries as the plugin wrote them.
    pub entries: Vec<Entry>,
    /// Names of the grade, the reason and the flags that are on.
    pub grade: String,
    /// Why.
    pub reason: String,
    /// Names of flags that are on.
    pub flags: Vec<String>,
    /// The event is hidden.
    pub hidden: bool,
    /// When it wants to be woken, 0 = never.
    pub wake_at: i64,
    /// The new state, if it changed.
    pub state: Option<Vec<u8>>,
}

impl Outcome {
    /// The sum of all entries in milli-points.
    pub fn milli(&self) -> i64 {
        self.entries.iter().map(|e| e.milli).sum()
    }
}

/// One line as the plugin wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// 1 award, 2 replace, 3 adjust, 4 void.
    pub kind: u8,
    /// 1 on a void of an event, 2 on an award that follows a void.
    pub flags: u8,
    /// Its name.
    pub rule: String,
    /// Milli-points.
    pub milli: i64,
    /// Scope key, or the event that is voided.
    pub scope: u64,
    /// Row of the round, on an adjustment.
    pub row: u32,
    /// 1 + index of the column that labels it.
    pub label: u32,
}

struct Input {
    kind: u8,
    source: u8,
    name: String,
    expr: u32,
    literals: Vec<(String, bool, bool)>,
}

/// Runs one configured plugin.
pub struct Host<P: Plugin> {
    guest: Guest<P>,
    inputs: Vec<Input>,
    rules: Vec<String>,
    grades: Vec<String>,
    reasons: Vec<String>,
    flags: Vec<String>,
    /// What the plugin complains about: severity, lint name, summary and detail, one a line.
    pub complaints: String,
    /// Bounds the entries of one call, to try a full ring.
    pub room: u32,
}

const ARENA: u32 = 1 << 20;
const TEXTS: usize = 4096;

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let b = self.0[0];
        self.0 = &self.0[1..];
        b
    }

    fn uint(&mut self) -> u64 {
        let (mut v, mut shift) = (0, 0);
        loop {
            let b = self.byte();
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return v;
            }
            shift += 7;
        }
    }

    fn uints(&mut self, n: usize) {
        for _ in 0..n {
            self.uint();
        }
    }

    fn text(&mut self) -> String {
        let n = self.uint() as usize;
        let s = String::from_utf8_lossy(&self.0[..n]).into_owned();
        self.0 = &self.0[n..];
        s
    }

    fn texts(&mut self) -> Vec<String> {
        (0..self.uint()).map(|_| self.text()).collect()
    }
}

impl<P: Plugin> Host<P> {
    /// A host whose configuration may be wrong: look at `complaints`.
    pub fn configure(block: Block) -> Host<P> {
        let mut guest = Guest::new();
        assert!(!guest.reserve_new(ARENA).is_null());
        let blob = block.encode();
        guest.arena()[128..128 + blob.len()].copy_from_slice(&blob);
        let answer = guest.configure(128, blob.len() as u32).expect("the guest refuses the configuration");
        let mut h =
            Host { guest, inputs: vec![], rules: vec![], grades: vec![], reasons: vec![], flags: vec![], complaints: String::new(), room: 4096 };
        h.read_needs(&answer[8..]);
        h
    }

    /// A host; panics when the plugin has something to say against its configuration.
    pub fn new(block: Block) -> Host<P> {
        let mut h = Self::configure(block);
        assert!(!h.complaints.contains("error: "), "{}", h.complaints);
        let (n, words) = (h.inputs.len(), (h.inputs.len() + 63) / 64);
        for (i, v) in [h.stride(), n, words, h.rules.len()].iter().enumerate() {
            set(h.guest.arena(), 128 + 4 * i, *v);
        }
        assert_eq!(h.guest.bind(128, 16), 0);
        h
    }

    fn read_needs(&mut self, needs: &[u8]) {
        let mut r = Reader(needs);
        r.uints(4);
        r.byte();
        r.byte();
        for _ in 0..r.uint() {
            let (kind, source, name, expr) = (r.byte(), r.byte(), r.text(), r.uint() as u32);
            let literals = (0..r.uint()).map(|_| (r.text(), r.byte() != 0, r.byte() != 0)).collect();
            self.inputs.push(Input { kind, source, name, expr, literals });
        }
        for _ in 0..r.uint() {
            self.rules.push(r.text());
            (0..3).for_each(|_| drop(r.text()));
            r.byte();
            r.texts();
            r.byte();
            r.uints(5);
            r.byte();
            r.byte();
            r.uint();
            r.byte();
            r.text();
        }
        for _ in 0..r.uint() {
            (0..3).for_each(|_| drop(r.text()));
        }
        self.grades = r.texts();
        self.reasons = r.texts();
        self.flags = r.texts();
        for _ in 0..r.uint() {
            r.text();
            r.texts();
            r.texts();
            r.uint();
            r.uint();
            r.text();
            r.uint();
        }
        for _ in 0..r.uint() {
            let severity = if r.byte() == 1 { "error" } else { "warning" };
            r.uint();
            self.complaints += &format!("{}: {}: {}: {}\n", severity, r.text(), r.text(), r.text());
        }
    }

    fn stride(&self) -> usize {
        64 + 8 * ((self.inputs.len() + 63) / 64) + 8 * self.inputs.len()
    }

    /// Plays one input.
    pub fn play(&mut self, e: Event) -> Outcome {
        self.round(&[e]).remove(0)
    }

    /// Plays one round: at most one input of each lead.
    pub fn round(&mut self, events: &[Event]) -> Vec<Outcome> {
        let n = events.len();
        let rows: usize = events.iter().map(|e| e.rows.len()).sum();
        let state = (P::STATE_MAX as usize + 7) & !7;
        let slots = 128;
        let rows_at = slots + n * self.stride();
        let results = rows_at + 64 * rows;
        let ring = results + 48 * n;
        let texts = ring + 32 * self.room as usize;
        let states = texts + TEXTS;
        let heap = states + n * state;
        let mut used = 0;
        let mut row = 0;
        let (stride, words, inputs) = (self.stride(), (self.inputs.len() + 63) / 64, self.inputs.len());
        self.guest.arena()[..heap].fill(0);
        for (i, e) in events.iter().enumerate() {
            let at = slots + i * stride;
            let columns: Vec<_> = self.inputs.iter().map(|c| project(e, c)).collect();
            let a = self.guest.arena();
            for (off, v) in [(0, e.at as u64), (8, e.now as u64), (16, 7), (24, e.hash)] {
                a[at + off..at + off + 8].copy_from_slice(&v.to_le_bytes());
            }
            let old = e.state.clone().unwrap_or_default();
            let fixed = [e.kind as usize, row, e.rows.len(), states + i * state, old.len(), P::STATE_MAX as usize, e.state.is_none() as usize];
            for (k, v) in fixed.iter().enumerate() {
                set(a, at + 32 + 4 * k, *v);
            }
            a[states + i * state..][..old.len()].copy_from_slice(&old);
            for r in &e.rows {
                let fields = [r.at as u64, r.step as u64, r.scope, r.awarded as u64, r.reversed as u64, r.remaining as u64, r.last as u64];
                let to = rows_at + 64 * row;
                set(a, to, r.view as usize);
                set(a, to + 4, r.count as usize);
                for (k, v) in fields.iter().enumerate() {
                    a[to + 8 + 8 * k..to + 16 + 8 * k].copy_from_slice(&v.to_le_bytes());
                }
                row += 1;
            }
            for (k, column) in columns.into_iter().enumerate() {
                let bits = match column {
                    None => continue,
                    Some((bits, None)) => bits,
                    Some((_, Some(text))) => {
                        a[heap + used..heap + used + text.len()].copy_from_slice(text.as_bytes());
                        used += text.len();
                        (used - text.len()) as u64 | (text.len() as u64) << 32
                    }
                };
                a[at + 64 + k / 8] |= 1 << (k % 8);
                a[at + 64 + 8 * words + 8 * k..][..8].copy_from_slice(&bits.to_le_bytes());
            }
        }
        let header = [
            (0, ARENA as usize),
            (4, n),
            (16, slots),
            (20, stride),
            (24, inputs),
            (28, words),
            (32, rows_at),
            (36, rows),
            (40, results),
            (44, ring),
            (48, self.room as usize),
            (60, texts),
            (64, TEXTS),
            (72, heap),
            (76, used),
        ];
        for (off, v) in header {
            set(self.guest.arena(), off, v);
        }
        let mut outs = Vec::new();
        while outs.len() < n {
            set(self.guest.arena(), 8, outs.len());
            let done = self.guest.process(n as i32);
            assert!(done > outs.len() as i32 && done <= n as i32, "process answered {}", done);
            while outs.len() < done as usize {
                outs.push(self.read(outs.len(), results, ring, texts, states + outs.len() * state));
            }
        }
        outs
    }

    fn read(&mut self, i: usize, results: usize, ring: usize, texts: usize, state: usize) -> Outcome {
        let a = self.guest.arena();
        let r = results + 48 * i;
        let get64 = |at: usize| u64::from(get32(a, at)) | u64::from(get32(a, at + 4)) << 32;
        let get16 = |at: usize| a[at] as usize | (a[at + 1] as usize) << 8;
        if get32(a, r) != 0 {
            let at = texts + get32(a, r + 40) as usize;
            let error = String::from_utf8_lossy(&a[at..at + get32(a, r + 44) as usize]).into_owned();
            return Outcome { error, ..Outcome::default() };
        }
        let flags = get32(a, r + 4);
        let mut out = Outcome { hidden: flags & 1 != 0, wake_at: get64(r + 16) as i64, ..Outcome::default() };
        if flags & 2 != 0 {
            out.state = Some(a[state..state + get32(a, r + 28) as usize].to_vec());
        }
        let name = |list: &[String], id: usize| if id > 0 { list[id - 1].clone() } else { String::new() };
        out.grade = name(&self.grades, get16(r + 24));
        out.reason = name(&self.reasons, get16(r + 26));
        out.flags = self.flags.iter().enumerate().filter(|(f, _)| get64(r + 8) >> f & 1 != 0).map(|(_, s)| s.clone()).collect();
        for k in 0..get32(a, r + 36) {
            let e = ring + 32 * (get32(a, r + 32) + k) as usize;
            assert_eq!(get32(a, e + 4) as usize, i, "an entry names another slot");
            out.entries.push(Entry {
                kind: a[e],
                flags: a[e + 1],
                rule: self.rules.get(get16(e + 2)).cloned().unwrap_or_default(),
                milli: get64(e + 8) as i64,
                scope: get64(e + 16),
                row: get32(a, e + 24),
                label: get32(a, e + 28),
            });
        }
        out
    }

    /// Converts a state; negative: −1 = a version is unknown, −2 = it cannot.
    pub fn migrate(&mut self, from: u32, to: u32, state: &[u8], room: usize) -> Result<Vec<u8>, i32> {
        let a = self.guest.arena();
        set(a, 0, state.len());
        set(a, 4, room);
        a[128..128 + state.len()].copy_from_slice(state);
        match self.guest.migrate(from, to) {
            code if code < 0 => Err(code),
            _ => {
                let a = self.guest.arena();
                Ok(a[128..128 + get32(a, 0) as usize].to_vec())
            }
        }
    }

    /// The guest itself.
    pub fn guest(&mut self) -> &mut Guest<P> {
        &mut self.guest
    }
}

/// Computes one column as the host does: its bits, or a text for the heap.
fn project(e: &Event, c: &Input) -> Option<(u64, Option<String>)> {
    match (c.kind, c.source) {
        (8, _) => None,
        (1, 7) => e.conds.get(&c.expr).map(|v| (*v as u64, None)),
        (2, 3) => e.numbers.get(&c.name).map(|v| (v.to_bits(), None)),
        (3, 3) => e.times.get(&c.name).map(|v| (*v as u64, None)),
        (4, 8) => e.counters.get(&c.name).map(|v| (*v as u64, None)),
        _ => {
            let text = e.texts.get(&(c.source, c.name.clone()))?;
            Some(match c.kind {
                6 => (0, Some(text.clone())),
                7 => (text.bytes().fold(14_695_981_039_346_656_037, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(1_099_511_628_211)), None),
                _ => (c.literals.iter().position(|l| matches(l, text)).map_or(0, |i| i as u64 + 1), None),
            })
        }
    }
}

fn matches((literal, glob, fold): &(String, bool, bool), text: &str) -> bool {
    let (l, t) = if *fold { (literal.to_lowercase(), text.to_lowercase()) } else { (literal.clone(), text.into()) };
    if *glob {
        match_glob(&l, &t)
    } else {
        l == t
    }
}
