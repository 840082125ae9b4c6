// Package intake turns bytes that people have into events of leads: the
// Segment spec as JSON, NDJSON, arrays and batches, CloudEvents 1.0, packs,
// and CSV records.
//
// It imports engine/lead and nothing else of ours. It is strict: an input
// either becomes exactly one event or one lead.Rejected that says what was
// found, what was expected and what to do. It never panics, never reads a
// clock, never guesses a time zone and never drops an input in silence.
//
// The JSON scanner is our own: events come from strangers, and the limits on
// depth, size and number range belong inside the scan, not after it.
//
// # Lifetimes
//
// Strings of a decoded lead.Event alias the bytes given to Decode. Those bytes
// must not change while the event is in use; Props stay valid for as long as
// somebody holds them, also after later calls of Decode.
package intake
