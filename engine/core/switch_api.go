package core

import "errors"

var errNotYet = errors.New("not built yet")

// CarryFrom begins a lineage whose history is not whole: leads get what src
// knows of the time before cut (ms, begin of an age step): traits, scope keys,
// counters and the lines that are left. Slices as in SwitchFrom. Give the core
// PassOver(cut) before the replay.
func (c *Core) CarryFrom(src *Core, cut int64, after string, most int, out *Output) (last string, done bool, err error) {
	return "", false, errNotYet
}
