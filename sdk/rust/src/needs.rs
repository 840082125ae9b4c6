use crate::config::Config;
use crate::mem::List;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// The handle of no column: absent in every slot.
            pub const NONE: $name = $name(0);
        }

        impl From<Column> for $name {
            fn from(c: Column) -> $name {
                $name(c.0)
            }
        }
    )*};
}

/// A column of any type, see [`Needs::column`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column(pub(crate) u32);

handles! {
    /// A column with a truth value.
    Bool
    /// A column with a double.
    Number
    /// A column with a time in ms.
    Time
    /// A column with a whole number.
    Count
    /// A column with the 1-based index of the first literal that a text matched, 0 for none of them.
    Enum
    /// A column with a text.
    Text
    /// A column with the 64-bit hash of a text.
    Hash
}

/// A line of the ledger that the plugin may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleId(pub(crate) u16);

/// A named flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(pub(crate) u8);

/// A grade; the default means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grade(pub(crate) u16);

/// Why a grade was given; the default means no reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reason(pub(crate) u16);

/// Texts that an [`Enum`] column is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Literals<'a> {
    /// The texts.
    pub texts: &'a [&'a str],
    /// `*` stands for any run of characters, and `/blog/*` also takes `/blog`.
    pub glob: bool,
    /// Case does not count.
    pub fold: bool,
}

/// Literals that are compared to the letter.
pub fn exact<'a>(texts: &'a [&'a str]) -> Literals<'a> {
    Literals { texts, glob: false, fold: false }
}

/// Literals with `*` for any run of characters.
pub fn globs<'a>(texts: &'a [&'a str]) -> Literals<'a> {
    Literals { texts, glob: true, fold: false }
}

/// Globs that ignore case.
pub fn folded_globs<'a>(texts: &'a [&'a str]) -> Literals<'a> {
    Literals { texts, glob: true, fold: true }
}

/// The type of a column.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    Bool = 1,
    Number,
    Time,
    Count,
    Enum,
    String,
    Key,
    Label,
}

/// Where the host takes an input from.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Event = 1,
    Path,
    Prop,
    Trait,
    Account,
    Context,
    Expr,
    Counter,
    Grade,
    Flag,
    Kind,
    LastActivity,
    EventId,
}

/// How often a rule may award.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every time.
    Every,
    /// Once per scope key, for ever or per period.
    Once,
}

/// One line of the ledger that the plugin may write. Times are ms, points are milli-points.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// Unique in the step, e.g. `asked/Demo Requested`.
    pub name: &'a str,
    /// Name of the score it counts for; empty = the step's own.
    pub score: &'a str,
    /// Group for caps and "top class"; may be empty.
    pub class: &'a str,
    /// Explanation, e.g. `{label}: asked for a demo`.
    pub template: &'a str,
    /// How often it may award.
    pub scope: Scope,
    /// Properties that form the scope key.
    pub keys: &'a [&'a str],
    /// The calendar day is part of the key.
    pub per_day: bool,
    /// At most so many awards per window, 0 = no limit.
    pub max_n: u32,
    /// A multiple of the age step; 0 = for ever.
    pub window: i64,
    /// Limit of the sum awarded by this rule, 0 = none.
    pub cap: i64,
    /// Limit of the sum awarded by the class, 0 = none.
    pub class_cap: i64,
    /// [`Config::node`] that it comes from, for errors.
    pub node: u32,
    /// An award of it is an activity of the lead.
    pub activity: bool,
    /// Never awards on an event: inactivity, time.
    pub passive: bool,
    /// The most that one award gives, for lints.
    pub max: i64,
    /// Derived from account-level facts, for the explanation.
    pub account: bool,
    /// When set, the rule `name` of another step: its awards may be taken back and nothing else.
    pub step: &'a str,
}

impl Default for Rule<'_> {
    fn default() -> Self {
        Rule {
            name: "",
            score: "",
            class: "",
            template: "",
            scope: Scope::Every,
            keys: &[],
            per_day: false,
            max_n: 0,
            window: 0,
            cap: 0,
            class_cap: 0,
            node: 0,
            activity: false,
            passive: false,
            max: 0,
            account: false,
            step: "",
        }
    }
}

/// A windowed counter that the host keeps for the plugin. Events and paths are globs.
#[derive(Clone, Copy)]
pub struct Counter<'a> {
    /// Its name.
    pub name: &'a str,
    /// Names of events.
    pub events: &'a [&'a str],
    /// Paths of page views.
    pub paths: &'a [&'a str],
    /// An expression; absent = all.
    pub only: Config,
    /// ms, a multiple of the age step; 0 = for ever.
    pub window: i64,
    /// A property of which each value counts once.
    pub distinct: &'a str,
    /// [`Config::node`] that it comes from, for errors.
    pub node: u32,
}

impl Default for Counter<'_> {
    fn default() -> Self {
        Counter { name: "", events: &[], paths: &[], only: Config::ABSENT, window: 0, distinct: "", node: 0 }
    }
}

/// A growing sequence of encoded records.
struct Section {
    bytes: List<u8>,
    at: List<u32>,
    n: usize,
}

impl Section {
    const fn new() -> Section {
        Section { bytes: List::new(), at: List::new(), n: 0 }
    }

    fn begin(&mut self) {
        // Places of records that were taken back are used again.
        let here = self.bytes.len() as u32;
        if self.n == self.at.len() {
            self.at.push(here);
        }
        self.n += 1;
    }

    /// Takes the record that was written last back if the section has it already, and returns its index.
    fn intern(&mut self) -> usize {
        let last = self.n - 1;
        let from = self.at[last] as usize;
        for i in 0..last {
            if self.bytes[self.at[i] as usize..self.at[i + 1] as usize] == self.bytes[from..] {
                self.bytes.truncate(from);
                self.n = last;
                return i;
            }
        }
        last
    }

    fn byte(&mut self, v: u8) {
        self.bytes.push(v);
    }

    fn bool(&mut self, v: bool) {
        self.byte(v as u8);
    }

    fn uint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.byte(v as u8 | 0x80);
            v >>= 7;
        }
        self.byte(v as u8);
    }

    fn int(&mut self, v: i64) {
        self.uint((v as u64) << 1 ^ (v >> 63) as u64);
    }

    fn str(&mut self, s: &str) {
        self.uint(s.len() as u64);
        self.bytes.extend(s.as_bytes());
    }

    fn strs(&mut self, list: &[&str]) {
        self.uint(list.len() as u64);
        for s in list {
            self.str(s);
        }
    }
}

/// Collects what a plugin asks the host for. Asking twice for the same column gives the same handle.
pub struct Needs {
    inputs: Section,
    rules: Section,
    views: Section,
    grades: Section,
    reasons: Section,
    flags: Section,
    counters: Section,
    counter_names: Section,
    diags: Section,
    gates: Section,
    scale: (i64, i64),
    age_step: i64,
    horizon: i64,
    sparse: bool,
    keeps_fresh: bool,
}

const NONE: Literals<'static> = Literals { texts: &[], glob: false, fold: false };

impl Needs {
    pub(crate) const fn new() -> Needs {
        Needs {
            inputs: Section::new(),
            rules: Section::new(),
            views: Section::new(),
            grades: Section::new(),
            reasons: Section::new(),
            flags: Section::new(),
            counters: Section::new(),
            counter_names: Section::new(),
            diags: Section::new(),
            gates: Section::new(),
            scale: (0, 0),
            age_step: 0,
            horizon: 0,
            sparse: false,
            keeps_fresh: false,
        }
    }

    /// A text of these parts behind each other, for good: names of rules that are made of labels.
    pub fn join(&mut self, parts: &[&str]) -> &'static str {
        crate::text::join(parts)
    }

    /// Asks for any input of the contract; the typed methods are made of it. The handle turns into a typed one: `n.column(…).into()`.
    pub fn column(&mut self, kind: InputKind, source: Source, name: &str, expr: u32, list: Literals) -> Column {
        let s = &mut self.inputs;
        s.begin();
        s.byte(kind as u8);
        s.byte(source as u8);
        s.str(name);
        s.uint(u64::from(expr));
        s.uint(list.texts.len() as u64);
        for text in list.texts {
            s.str(text);
            s.bool(list.glob);
            s.bool(list.fold);
        }
        Column(s.intern() as u32 + 1)
    }

    fn simple<T: From<Column>>(&mut self, kind: InputKind, source: Source, name: &str) -> T {
        self.column(kind, source, name, 0, NONE).into()
    }

    fn literals(&mut self, source: Source, name: &str, list: Literals) -> Enum {
        self.column(InputKind::Enum, source, name, 0, list).into()
    }

    /// Compares the event's name with literals.
    pub fn event(&mut self, list: Literals) -> Enum {
        self.literals(Source::Event, "", list)
    }

    /// Compares the path of a page view with literals.
    pub fn path(&mut self, list: Literals) -> Enum {
        self.literals(Source::Path, "", list)
    }

    /// The path of a page view.
    pub fn path_text(&mut self) -> Text {
        self.simple(InputKind::String, Source::Path, "")
    }

    /// The path of a page view, to name what was done ([`Output::award_for`](crate::Output::award_for)). It costs nothing for each slot:
    /// reading it gives nothing.
    pub fn path_label(&mut self) -> Text {
        self.simple(InputKind::Label, Source::Path, "")
    }

    /// A property of the event, to name what was done.
    pub fn prop_label(&mut self, name: &str) -> Text {
        self.simple(InputKind::Label, Source::Prop, name)
    }

    /// Compares the kind of event (`track`, `page`, …).
    pub fn kind(&mut self, kinds: &[&str]) -> Enum {
        self.literals(Source::Kind, "", exact(kinds))
    }

    /// A property of the event as text.
    pub fn prop_text(&mut self, name: &str) -> Text {
        self.simple(InputKind::String, Source::Prop, name)
    }

    /// A property of the event as a number.
    pub fn prop_number(&mut self, name: &str) -> Number {
        self.simple(InputKind::Number, Source::Prop, name)
    }

    /// The hash of a property's text.
    pub fn prop_hash(&mut self, name: &str) -> Hash {
        self.simple(InputKind::Key, Source::Prop, name)
    }

    /// Compares a property of the event with literals.
    pub fn prop(&mut self, name: &str, list: Literals) -> Enum {
        self.literals(Source::Prop, name, list)
    }

    /// Compares a part of the event's context, such as "userAgent", with literals.
    pub fn context(&mut self, name: &str, list: Literals) -> Enum {
        self.literals(Source::Context, name, list)
    }

    /// A part of the event's context, such as "ip", as text.
    pub fn context_text(&mut self, name: &str) -> Text {
        self.simple(InputKind::String, Source::Context, name)
    }

    /// The hash of the text of a part of the event's context.
    pub fn context_hash(&mut self, name: &str) -> Hash {
        self.simple(InputKind::Key, Source::Context, name)
    }

    /// Compares a person-level fact with literals.
    pub fn r#trait(&mut self, name: &str, list: Literals) -> Enum {
        self.literals(Source::Trait, name, list)
    }

    /// Compares an account-level fact with literals.
    pub fn account(&mut self, name: &str, list: Literals) -> Enum {
        self.literals(Source::Account, name, list)
    }

    fn expr<T: From<Column>>(&mut self, c: Config, kind: InputKind, list: Literals) -> T {
        match c.as_expr() {
            Some(id) => self.column(kind, Source::Expr, "", id, list).into(),
            None => Column(0).into(),
        }
    }

    /// A condition: the expression at `c`, an absent handle if it is not written.
    pub fn cond(&mut self, c: Config) -> Bool {
        self.expr(c, InputKind::Bool, NONE)
    }

    /// Says that a condition is read only where the column has that literal (from 1). The host then leaves it unknown elsewhere. Say it for
    /// every place, or for none.
    pub fn only_on(&mut self, cond: Bool, column: Enum, literal: usize) {
        if cond.0 > 0 && column.0 > 0 {
            self.gates.begin();
            self.gates.uint(u64::from(cond.0 - 1));
            self.gates.uint(u64::from(column.0 - 1));
            self.gates.uint(literal as u64);
        }
    }

    /// An expression of type number or points (in points).
    pub fn number_expr(&mut self, c: Config) -> Number {
        self.expr(c, InputKind::Number, NONE)
    }

    /// The text of an expression.
    pub fn text_expr(&mut self, c: Config) -> Text {
        self.expr(c, InputKind::String, NONE)
    }

    /// Compares the text of an expression with literals.
    pub fn enum_expr(&mut self, c: Config, list: Literals) -> Enum {
        self.expr(c, InputKind::Enum, list)
    }

    /// Declares a counter that the host keeps, and reads it: its value with this event included.
    pub fn counter(&mut self, c: &Counter) -> Count {
        let have = self.counter_names.n;
        self.counter_names.begin();
        self.counter_names.str(c.name);
        if self.counter_names.intern() == have {
            let s = &mut self.counters;
            s.begin();
            s.str(c.name);
            s.strs(c.events);
            s.strs(c.paths);
            s.uint(c.only.as_expr().map_or(0, |id| u64::from(id) + 1));
            s.int(c.window);
            s.str(c.distinct);
            s.uint(u64::from(c.node));
        }
        self.counter_named(c.name)
    }

    /// Reads a counter of the workflow.
    pub fn counter_named(&mut self, name: &str) -> Count {
        self.simple(InputKind::Count, Source::Counter, name)
    }

    /// Compares the grade that an earlier step gave; `step` may be empty when there is only one that grades.
    pub fn grade_of(&mut self, step: &str, grades: &[&str]) -> Enum {
        self.literals(Source::Grade, step, exact(grades))
    }

    /// Reads the flag `step.flag` of an earlier step.
    pub fn flag_of(&mut self, name: &str) -> Bool {
        self.simple(InputKind::Bool, Source::Flag, name)
    }

    /// When the lead was last active.
    pub fn last_activity(&mut self) -> Time {
        self.simple(InputKind::Time, Source::LastActivity, "")
    }

    /// Declares a line of the ledger.
    pub fn rule(&mut self, r: &Rule) -> RuleId {
        let s = &mut self.rules;
        s.begin();
        for text in [r.name, r.score, r.class, r.template] {
            s.str(text);
        }
        s.byte(r.scope as u8);
        s.strs(r.keys);
        s.bool(r.per_day);
        s.uint(u64::from(r.max_n));
        s.int(r.window);
        s.int(r.cap);
        s.int(r.class_cap);
        s.uint(u64::from(r.node));
        s.bool(r.activity);
        s.bool(r.passive);
        s.int(r.max);
        s.bool(r.account);
        s.str(r.step);
        RuleId(s.n as u16 - 1)
    }

    /// Names the rule of another step, to take its awards back ([`Output::void`](crate::Output::void)).
    pub fn foreign(&mut self, step: &str, rule: &str, node: u32) -> RuleId {
        self.rule(&Rule { step, name: rule, node, ..Rule::default() })
    }

    /// Asks for ledger rows ([`CAP_LEDGER`](crate::CAP_LEDGER)); empty takes any. Returns the index that [`Row::view`](crate::Row) has for
    /// them.
    pub fn view(&mut self, score: &str, class: &str, rule: &str) -> u32 {
        let s = &mut self.views;
        s.begin();
        for text in [score, class, rule] {
            s.str(text);
        }
        s.n as u32 - 1
    }

    /// Declares a named flag that later steps and routes can read.
    pub fn flag(&mut self, name: &str) -> Flag {
        self.flags.begin();
        self.flags.str(name);
        Flag(self.flags.n as u8 - 1)
    }

    /// Declares a grade; declare the best first.
    pub fn grade(&mut self, name: &str) -> Grade {
        self.grades.begin();
        self.grades.str(name);
        Grade(self.grades.intern() as u16 + 1)
    }

    /// Declares why a grade was given.
    pub fn reason(&mut self, text: &str) -> Reason {
        self.reasons.begin();
        self.reasons.str(text);
        Reason(self.reasons.intern() as u16 + 1)
    }

    /// Says what range the step's own score can have, in milli-points.
    pub fn scale(&mut self, least: i64, most: i64) {
        self.scale = (least, most);
    }

    /// Asks for age steps of that length in ms.
    pub fn age_step(&mut self, ms: i64) {
        self.age_step = ms;
    }

    /// Says after which age in ms a row never changes again.
    pub fn horizon(&mut self, ms: i64) {
        self.horizon = ms;
    }

    /// Says that an event that matches none of the literals given to `event` and `path` changes nothing: the host then skips the plugin for
    /// it. It has no effect on a plugin with grades or flags.
    pub fn sparse(&mut self) {
        self.sparse = true;
    }

    /// Says that a memoryless step leaves rows of the current age step alone: the host then skips it after an award that is dated now.
    pub fn keeps_fresh(&mut self) {
        self.keeps_fresh = true;
    }

    /// Reports a mistake at node `c` under a stable lint name. `detail` says what was found, what was expected and what to do.
    pub fn error(&mut self, c: Config, name: &str, summary: &str, detail: &str) {
        self.diag(1, c, name, summary, detail.as_bytes());
    }

    /// Reports what is probably a mistake.
    pub fn warn(&mut self, c: Config, name: &str, summary: &str, detail: &str) {
        self.diag(2, c, name, summary, detail.as_bytes());
    }

    pub(crate) fn diag(&mut self, severity: u8, c: Config, name: &str, summary: &str, detail: &[u8]) {
        let s = &mut self.diags;
        s.begin();
        s.byte(severity);
        s.uint(u64::from(c.node()));
        s.str(name);
        s.str(summary);
        s.uint(detail.len() as u64);
        s.bytes.extend(detail);
    }

    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.inputs.n as u32, self.rules.n as u32)
    }

    /// What configure points to: u32 length, needs.
    pub(crate) fn encode(&self) -> &'static [u8] {
        let mut out = Section::new();
        out.bytes.extend(b"NEED");
        for v in [self.scale.0, self.scale.1, self.age_step, self.horizon] {
            out.int(v);
        }
        out.bool(self.sparse);
        out.bool(self.keeps_fresh);
        for s in [&self.inputs, &self.rules, &self.views, &self.grades, &self.reasons, &self.flags, &self.counters, &self.diags, &self.gates] {
            // Gates come last and only if there are any.
            if core::ptr::eq(s, &self.gates) && s.n == 0 {
                break;
            }
            out.uint(s.n as u64);
            out.bytes.extend(&s.bytes);
        }
        let mut all = List::new();
        all.extend(&(out.bytes.len() as u32).to_le_bytes());
        all.extend(&out.bytes);
        all.into_slice()
    }
}
