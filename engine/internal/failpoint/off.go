//go:build !failpoints

package failpoint

import "time"

// Enabled says whether this binary has failpoints.
const Enabled = false

// Hit marks a step of a protocol.
func Hit(string) {}

// Soon marks a step that the caller does not wait for: what is armed there
// happens within the next milliseconds, while the caller goes on.
func Soon(string) {}

// Err marks a step that can fail.
func Err(string) error { return nil }

// Duration is a constant that a test may want smaller.
func Duration(_ string, d time.Duration) time.Duration { return d }

// Number is a constant that a test may want smaller.
func Number(_ string, n int) int { return n }
