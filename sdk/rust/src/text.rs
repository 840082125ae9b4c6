use crate::mem::List;
use crate::needs::{Rule, Scope};

/// Reads a duration as the workflow language writes it: `60d`, `90m`, `1d12h`, `500ms`, `2w`. It serves map keys, which the host hands over
/// as text; attributes come as ms already. `None` for anything else and for lengths beyond 2^53 ms.
pub fn parse_millis(text: &str) -> Option<i64> {
    const LIMIT: i64 = 1 << 53;
    let mut s = text.as_bytes();
    let mut ms = 0i64;
    if s.is_empty() {
        return None;
    }
    while !s.is_empty() {
        let (mut n, mut digits) = (0i64, 0);
        while digits < s.len() && s[digits].is_ascii_digit() {
            n = n * 10 + i64::from(s[digits] - b'0');
            digits += 1;
            if n > LIMIT {
                return None;
            }
        }
        let (unit, len) = unit_of(&s[digits..])?;
        if digits == 0 || n > LIMIT / unit {
            return None;
        }
        ms += n * unit;
        if ms > LIMIT {
            return None;
        }
        s = &s[digits + len..];
    }
    Some(ms)
}

/// The unit that s begins with, in ms, and the length of its name.
fn unit_of(s: &[u8]) -> Option<(i64, usize)> {
    if s.starts_with(b"ms") {
        return Some((1, 2));
    }
    match s.first()? {
        b's' => Some((1000, 1)),
        b'm' => Some((60_000, 1)),
        b'h' => Some((3_600_000, 1)),
        b'd' => Some((86_400_000, 1)),
        b'w' => Some((7 * 86_400_000, 1)),
        _ => None,
    }
}

/// Writes into `r` what a text says of how often a rule may award, in the words that the shipped plugins share: `""` is every time, `ever`
/// once, `day` once a day, `asset` once for each value of that property, `asset per day` both; several properties are joined by ` and `.
pub fn once<'a>(text: &'a str, r: &mut Rule<'a>) {
    if text.is_empty() {
        return;
    }
    r.scope = Scope::Once;
    let (text, per_day) = match text.strip_suffix(" per day") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    r.per_day = per_day;
    match text {
        "day" => r.per_day = true,
        "ever" => {}
        _ => {
            let n = text.split(" and ").count();
            let p = crate::mem::room::<&'a str>(n);
            for (i, key) in text.split(" and ").enumerate() {
                unsafe { p.add(i).write(key) }
            }
            // n items were written.
            r.keys = unsafe { core::slice::from_raw_parts(p, n) };
        }
    }
}

/// Says whether a glob takes a text, as the host compares them: `*` stands for any run of characters, `/` included, and a pattern that ends in
/// `/*` also takes the text without that end.
pub fn match_glob(pattern: &str, text: &str) -> bool {
    let (p, t) = (pattern.as_bytes(), text.as_bytes());
    (p.len() > 2 && p.ends_with(b"/*") && glob_run(&p[..p.len() - 2], t)) || glob_run(p, t)
}

/// The usual greedy matcher with one point of return.
fn glob_run(p: &[u8], t: &[u8]) -> bool {
    let (mut i, mut k, mut star, mut mark) = (0, 0, None, 0);
    while k < t.len() {
        if p.get(i) == Some(&b'*') {
            star = Some(i);
            mark = k;
            i += 1;
        } else if p.get(i) == Some(&t[k]) {
            i += 1;
            k += 1;
        } else if let Some(s) = star {
            mark += 1;
            k = mark;
            i = s + 1;
        } else {
            return false;
        }
    }
    p[i..].iter().all(|&c| c == b'*')
}

/// Texts behind each other, for good.
pub(crate) fn join(parts: &[&str]) -> &'static str {
    let mut all = List::new();
    for p in parts {
        all.extend(p.as_bytes());
    }
    // Whole texts behind each other are a text.
    unsafe { core::str::from_utf8_unchecked(all.into_slice()) }
}
