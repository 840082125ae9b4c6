package sdktest

import "slices"

// Outcome is what a plugin said of one input.
type Outcome struct {
	Err     string // soft error; nothing else counts then
	Entries []Entry
	Grade   string
	Reason  string
	Flags   []string // that are on
	Hidden  bool
	WakeAt  int64
}

// Entry is one line as the plugin wrote it.
type Entry struct {
	Kind  uint8 // abi.EntryAward …
	Flags uint8
	Rule  string
	Step  string // of a foreign rule
	Milli int64
	Scope uint64
	Label string
	Row   int // abi.EntryAdjust: index into Event.Rows
}

// Points is the sum of the rule's entries in milli-points.
func (o Outcome) Points(rule string) (milli int64) {
	for i := range o.Entries {
		if o.Entries[i].Rule == rule {
			milli += o.Entries[i].Milli
		}
	}
	return milli
}

// Sum is the sum of all entries in milli-points.
func (o Outcome) Sum() (milli int64) {
	for i := range o.Entries {
		milli += o.Entries[i].Milli
	}
	return milli
}

// Rules are the names of the rules that wrote something, in order.
func (o Outcome) Rules() []string {
	var names []string
	for i := range o.Entries {
		names = append(names, o.Entries[i].Rule)
	}
	return names
}

// Has says whether a flag is on.
func (o Outcome) Has(flag string) bool { return slices.Contains(o.Flags, flag) }
