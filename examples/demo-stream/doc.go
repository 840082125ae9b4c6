// Package demostream invents the events of a small B2B company: some hundred
// leads of eight personas over ten weeks, from their first page view to the
// answers of sales, as time-ordered NDJSON in the Segment spec.
//
// The same seed and options give the same bytes for ever; nothing here reads a
// clock. Lead i depends on the seed and on i alone, so a longer stream holds
// the leads of a shorter one. It imports the standard library only.
package demostream
