package core

import "errors"

var errNotYet = errors.New("not built yet")

// Reprogram gives the core another program: what it does from the next input
// on. Accounts lose nothing by it. After it, SwitchFrom with live == c must run
// to its end before the next input. An error (a step's state is of a version
// that its plugin cannot convert) leaves the core as it was.
func (c *Core) Reprogram(prog Program) error { return errNotYet }

// SwitchFrom makes this core's lineage the live one, behind live, which has
// seen the same inputs; live == c switches in place, behind Reprogram. It takes
// at most `most` leads (0 = all) in the order of their keys, from behind the
// key after ("" = from the first), and says which it did last. Commit what is in
// out with that key; go on behind it until done, before the next input. Done
// again from a committed key on, it leads to the same. live is only read.
func (c *Core) SwitchFrom(live *Core, sw *Switch, after string, most int, out *Output) (last string, done bool, err error) {
	return "", false, errNotYet
}

// CountNew says what SwitchFrom would find, and changes nothing. Slices as in
// SwitchFrom; inputs may come between them. Counts are added to into.
func (c *Core) CountNew(live *Core, sw *Switch, after string, most int, into *Newly) (last string, done bool, err error) {
	return "", false, errNotYet
}

// CountProgram is CountNew for a switch in place that has not happened: what
// Reprogram(prog) and SwitchFrom would find.
func (c *Core) CountProgram(prog Program, sw *Switch, after string, most int, into *Newly) (last string, done bool, err error) {
	return "", false, errNotYet
}

// CopyFrom makes this empty core a copy of src, under its own program (fork):
// leads, event ids, clock. Slices as in SwitchFrom, without an input between
// them; nothing is told as a delta. What of src has not been stamped must be
// stamped before. With the last slice the leads are as src has them; follow with
// SwitchFrom(c, …) with Was = src's program and decide.Mark to make them this
// program's.
func (c *Core) CopyFrom(src *Core, after string, most int) (last string, done bool, err error) {
	return "", false, errNotYet
}

// CarryFrom begins a lineage whose history is not whole: leads get what src
// knows of the time before cut (ms, begin of an age step): traits, scope keys,
// counters and the lines that are left. Slices as in SwitchFrom. Give the core
// PassOver(cut) before the replay.
func (c *Core) CarryFrom(src *Core, cut int64, after string, most int, out *Output) (last string, done bool, err error) {
	return "", false, errNotYet
}

// PassOver says that events dated before cut (ms) are remembered and not scored
// from now on; 0 = score all. It belongs to a replay and is not part of the
// state.
func (c *Core) PassOver(cut int64) {}

// ShelfWalker is a Shelf that can be walked.
type ShelfWalker interface {
	// Each calls fn with the key of every stored lead behind after, in the order of
	// keys, until fn returns false. The key is valid until fn returns.
	Each(after string, fn func(lead string) bool) error
}

// Add adds what another partition found.
func (n *Newly) Add(other *Newly) {}
