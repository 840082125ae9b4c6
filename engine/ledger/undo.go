package ledger

// Undo remembers what an input changed, so that a refused input changes
// nothing.
type Undo struct{}
