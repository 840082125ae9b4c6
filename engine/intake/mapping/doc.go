// Package mapping says what the columns of a CSV file mean and turns its rows
// into events of the Segment spec, as JSON that intake.Decoder takes.
//
// A mapping is written in HCL (mapping.hcl). Every row is accounted for:
// accepted, repaired, or rejected with its line, a reason and its text. Message
// ids are made from what a row says, so that the same file read twice, or read
// once broken and once repaired, gives the same events.
//
// It imports engine/lead and engine/intake and nothing else of ours, and never
// reads a clock: a row's time comes from the mapping or from a column.
package mapping
