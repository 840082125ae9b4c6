// Texts: durations, globs, scopes.
import { Rule } from "./needs";

/** No duration. */
export const NO_MILLIS: i64 = -1;

/**
 * Reads a duration as the workflow language writes it: "60d", "90m", "1d12h", "500ms", "2w". It serves map keys, which the host hands over
 * as text; attributes come as ms already. NO_MILLIS for anything else and for lengths beyond 2^53 ms.
 */
export function parseMillis(text: string): i64 {
  const limit: i64 = 1 << 53;
  let ms: i64 = 0;
  let i = 0;
  if (text.length == 0) return NO_MILLIS;
  while (i < text.length) {
    let n: i64 = 0;
    const begin = i;
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c < 48 || c > 57) break;
      n = n * 10 + (c - 48);
      if (n > limit) return NO_MILLIS;
    }
    let unit: i64 = 0;
    if (i < text.length) {
      const c = text.charCodeAt(i);
      if (c == 115) unit = 1000;
      else if (c == 109) unit = i + 1 < text.length && text.charCodeAt(i + 1) == 115 ? 1 : 60_000;
      else if (c == 104) unit = 3_600_000;
      else if (c == 100) unit = 86_400_000;
      else if (c == 119) unit = 604_800_000;
    }
    if (i == begin || unit == 0 || n > limit / unit) return NO_MILLIS;
    ms += n * unit;
    if (ms > limit) return NO_MILLIS;
    i += unit == 1 ? 2 : 1;
  }
  return ms;
}

/**
 * Writes into r what a text says of how often a rule may award, in the words that the shipped plugins share: "" is every time, "ever" once,
 * "day" once a day, "asset" once for each value of that property, "asset per day" both; several properties are joined by " and ".
 */
export function once(text: string, r: Rule): void {
  if (text.length == 0) return;
  r.once = true;
  r.perDay = text.endsWith(" per day");
  if (r.perDay) text = text.substring(0, text.length - 8);
  if (text == "day") r.perDay = true;
  else if (text != "ever") r.keys = text.split(" and ");
}

/**
 * Says whether a glob takes a text, as the host compares them: * stands for any run of characters, / included, and a pattern that ends in
 * "/*" also takes the text without that end.
 */
export function matchGlob(pattern: string, text: string): bool {
  const n = pattern.length - 2;
  if (n > 0 && pattern.endsWith("/*") && globRun(pattern.substring(0, n), text)) return true;
  return globRun(pattern, text);
}

// The usual greedy matcher with one point of return.
function globRun(p: string, t: string): bool {
  let i = 0, k = 0, star = -1, mark = 0;
  while (k < t.length) {
    if (i < p.length && p.charCodeAt(i) == 42) {
      star = i++;
      mark = k;
    } else if (i < p.length && p.charCodeAt(i) == t.charCodeAt(k)) {
      i++;
      k++;
    } else if (star >= 0) {
      k = ++mark;
      i = star + 1;
    } else return false;
  }
  while (i < p.length && p.charCodeAt(i) == 42) i++;
  return i == p.length;
}
