package ledger

// Part is one statement of a condition that people can check on its own: a
// comparison, a call or a name between && and ||. Parts are made when a
// workflow is loaded and only read when somebody asks why.
type Part struct {
	Text  string // as it was written
	Cond  Cond
	Reads []Read
}

// Read is something that a Part depends on: a score, a trait, a counter.
type Read struct {
	Text string // as it was written
	// Value prints it exactly; ok is false when it is unknown.
	Value func(*Frame) (text string, ok bool)
}
