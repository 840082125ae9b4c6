package wasm

// breakerTrial is how many inputs an open breaker turns away between two that
// it lets through to see whether the plugin works again.
const breakerTrial = 1024

// Breaker is the state of a plugin's circuit breaker. It counts inputs, never
// time, so the same inputs open and close it in every replay. Its owner keeps it
// with the commits: after a restart SetBreaker puts it back.
type Breaker struct {
	Failed  int  // inputs that failed in a row
	Open    bool // inputs are turned away
	Skipped int  // inputs turned away since it opened or since the last trial
}

// admit says whether the next input goes to the plugin.
func (b *Breaker) admit() bool {
	if !b.Open {
		return true
	}
	if b.Skipped++; b.Skipped < breakerTrial {
		return false
	}
	b.Skipped = 0
	return true
}

// ok counts inputs that the plugin answered.
func (b *Breaker) ok() { *b = Breaker{} }

// failed counts a verdict; limit 0 means that the breaker never opens.
func (b *Breaker) failed(limit int) {
	b.Failed++
	if limit > 0 && b.Failed >= limit {
		b.Open = true
	}
}
