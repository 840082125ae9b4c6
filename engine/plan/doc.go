// Package plan says what a new release of a workflow would change: it compares
// what two releases make of the same history, lead by lead, and what the switch
// from one to the other would lead to.
//
// It may import core, decide, lead, ledger, replay and workflow. It takes cores
// that somebody else filled, looks at them and switches the candidate's; it
// opens no file, reads no clock and publishes nothing. What it says depends on
// the inputs alone, to the byte, but for the measured times.
package plan
