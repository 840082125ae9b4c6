/**
 * What the author of a Ripen plugin in AssemblyScript writes against.
 *
 * configure runs once for each instance. It reads its configuration and says what it needs (columns, rules, grades, flags, counters, ledger
 * views). Mistakes of the configuration's author are reported with Needs.error at the node that they stand in, all of them; a text returned
 * from configure refuses the configuration as a whole.
 *
 * score then runs once for each slot: one lead with one input, which is an event, a timer that the plugin asked for, or a probe. What it
 * says depends on the slot alone (input, state, ledger rows): plugins keep nothing between two calls, because rounds are split, repeated and
 * spread over instances at will. The heap is taken back after each slot: an object made in score and kept in a field is gone. Times are i64
 * milliseconds since 1970 UTC, points are i64 milli-points (1 point = 1,000), there is no clock and no randomness.
 *
 * Entries, state and result of a slot count as a whole: a text returned from score drops them and is shown; a trap (throw, assert, null,
 * bounds) fails that slot alone; when the host's room for entries is used up, the slot is run again later, unseen by the plugin.
 *
 * A column that the input does not have is unknown (Input.known is false), never zero. Unknown must not fire anything.
 */
export * from "./config";
export * from "./needs";
export * from "./plugin";
export { Input, Output, Row } from "./slot";
export * from "./text";
export { register } from "./guest";
