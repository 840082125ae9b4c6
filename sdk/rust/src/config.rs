use crate::mem::{keep, room, List};

/// The types of nodes. The host has validated the tree against the manifest's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not written, or null.
    Null,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    List,
    /// An object, or a block.
    Object,
    /// An expression (`"x-ripen": "expression"`).
    Expr,
    /// Points (`"x-ripen": "points"`).
    Points,
    /// A duration (`"x-ripen": "duration"`).
    Millis,
}

const KINDS: [Kind; 9] = [Kind::Null, Kind::Bool, Kind::Number, Kind::String, Kind::List, Kind::Object, Kind::Expr, Kind::Points, Kind::Millis];

#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    key: &'static str,
    text: &'static str,
    value: u64,
    next: u32,
    child: u32,
    parent: u32,
}

/// One node of the plugin's configuration: its block, or anything in it. An absent one has no members and every getter answers with its
/// default. The host has checked the types by the schema. Texts live as long as the plugin.
#[derive(Clone, Copy)]
pub struct Config {
    nodes: &'static [Node],
    at: u32,
}

impl Config {
    /// A configuration that is not there.
    pub const ABSENT: Config = Config { nodes: &[], at: 0 };

    fn at(self) -> Option<&'static Node> {
        self.nodes.get(self.at as usize)
    }

    fn go(self, at: u32) -> Config {
        match at {
            0 => Config::ABSENT,
            _ => Config { nodes: self.nodes, at },
        }
    }

    /// Says whether the node was written (null counts as not written).
    pub fn exists(self) -> bool {
        self.kind() != Kind::Null
    }

    /// The index of the node, for errors and rules.
    pub fn node(self) -> u32 {
        self.at
    }

    /// The node's type.
    pub fn kind(self) -> Kind {
        self.at().map_or(Kind::Null, |n| n.kind)
    }

    /// The name under which the node stands in its parent.
    pub fn key(self) -> &'static str {
        self.at().map_or("", |n| n.key)
    }

    /// The member of that name of an object; absent if there is none.
    pub fn get(self, key: &str) -> Config {
        let mut i = self.at().map_or(0, |n| n.child);
        while i != 0 {
            let n = &self.nodes[i as usize];
            if n.key == key {
                return self.go(i);
            }
            i = n.next;
        }
        Config::ABSENT
    }

    /// The elements of a list, or the members of an object in the order of the source.
    pub fn items(self) -> Items {
        let first = match self.kind() {
            Kind::List | Kind::Object => self.go(self.nodes[self.at as usize].child),
            _ => Config::ABSENT,
        };
        Items { next: first, one: false }
    }

    /// The blocks of that type, in the order of the source. A single object counts as one block.
    pub fn blocks(self, kind: &str) -> Items {
        let list = self.get(kind);
        if list.kind() == Kind::Object {
            return Items { next: list, one: true };
        }
        list.items()
    }

    /// The label of a block.
    pub fn label(self) -> &'static str {
        self.text("label", "")
    }

    /// The text of a string node.
    pub fn as_text(self) -> Option<&'static str> {
        self.at().filter(|n| n.kind == Kind::String).map(|n| n.text)
    }

    fn value(self, kind: Kind) -> Option<u64> {
        self.at().filter(|n| n.kind == kind).map(|n| n.value)
    }

    /// The value of a number node, or of a points node in points.
    pub fn as_number(self) -> Option<f64> {
        match self.value(Kind::Number) {
            Some(bits) => Some(f64::from_bits(bits)),
            None => self.as_points().map(|p| p as f64 / 1000.0),
        }
    }

    /// The milli-points of a points node.
    pub fn as_points(self) -> Option<i64> {
        self.value(Kind::Points).map(|v| v as i64)
    }

    /// The length of a duration node in ms.
    pub fn as_millis(self) -> Option<i64> {
        self.value(Kind::Millis).map(|v| v as i64)
    }

    /// The id of an expression node.
    pub fn as_expr(self) -> Option<u32> {
        self.value(Kind::Expr).map(|v| v as u32)
    }

    /// The member `key` as text, `def` if it is not written.
    pub fn text(self, key: &str, def: &'static str) -> &'static str {
        self.get(key).as_text().unwrap_or(def)
    }

    /// The member `key` as a truth value, `def` if it is not written.
    pub fn bool(self, key: &str, def: bool) -> bool {
        self.get(key).value(Kind::Bool).map_or(def, |v| v != 0)
    }

    /// The member `key` as a number, `def` if it is not written.
    pub fn number(self, key: &str, def: f64) -> f64 {
        self.get(key).as_number().unwrap_or(def)
    }

    /// The member `key` as a whole number, `def` if it is not written. The schema says "integer", so nothing is cut off.
    pub fn int(self, key: &str, def: i64) -> i64 {
        self.get(key).as_number().map_or(def, |f| f as i64)
    }

    /// The member `key` in milli-points, `def` if it is not written.
    pub fn points(self, key: &str, def: i64) -> i64 {
        self.get(key).as_points().unwrap_or(def)
    }

    /// The member `key` as a duration in ms, `def` if it is not written.
    pub fn millis(self, key: &str, def: i64) -> i64 {
        self.get(key).as_millis().unwrap_or(def)
    }

    /// The member `key` as a list of texts; one text is a list of one.
    pub fn strings(self, key: &str) -> &'static [&'static str] {
        let m = self.get(key);
        let mut list = List::new();
        if let Some(s) = m.as_text() {
            list.push(s);
        }
        for item in m.items() {
            if let Some(s) = item.as_text() {
                list.push(s);
            }
        }
        list.into_slice()
    }

    /// Reads a configuration blob; `None` if it is damaged. Texts are copies: the blob makes room for the rounds.
    pub(crate) fn decode(b: &[u8]) -> Option<Config> {
        if b.len() < 16 || &b[..4] != b"CONF" {
            return None;
        }
        let (n, off, size) = (get32(b, 4) as usize, u64::from(get32(b, 8)), u64::from(get32(b, 12)));
        if off != 16 + 32 * n as u64 || off + size > b.len() as u64 {
            return None;
        }
        let heap = &b[off as usize..(off + size) as usize];
        let text = |off: u32, len: u32| -> Option<&'static str> {
            let bytes = heap.get(off as usize..)?.get(..len as usize)?;
            core::str::from_utf8(keep(bytes)).ok()
        };
        let nodes = room::<Node>(n);
        for i in 0..n {
            let rec = &b[16 + 32 * i..48 + 32 * i];
            let mut node = Node {
                kind: *KINDS.get(rec[0] as usize)?,
                key: text(get32(rec, 4), get32(rec, 8))?,
                text: "",
                parent: get32(rec, 12),
                value: u64::from(get32(rec, 16)) | u64::from(get32(rec, 20)) << 32,
                next: get32(rec, 24),
                child: get32(rec, 28),
            };
            if node.kind == Kind::String {
                node.text = text(get32(rec, 16), get32(rec, 20))?;
            }
            // Links point forward only, so that a walk always ends.
            let forward = |link: u32| link == 0 || (link as usize > i && (link as usize) < n);
            if !forward(node.next) || !forward(node.child) || node.parent as usize >= n {
                return None;
            }
            unsafe { nodes.add(i).write(node) }
        }
        // All n nodes were written.
        Some(Config { nodes: unsafe { core::slice::from_raw_parts(nodes, n) }, at: 0 })
    }
}

pub(crate) fn get32(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

/// Walks items or blocks.
#[derive(Clone)]
pub struct Items {
    next: Config,
    one: bool,
}

impl Iterator for Items {
    type Item = Config;

    fn next(&mut self) -> Option<Config> {
        let now = self.next;
        let n = now.at()?;
        self.next = if self.one { Config::ABSENT } else { now.go(n.next) };
        Some(now)
    }
}
