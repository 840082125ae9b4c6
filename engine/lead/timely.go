package lead

import (
	"fmt"
	"time"
)

// Codes of events whose time is not acceptable.
const (
	CodeFuture = "time-in-future"
	CodeTooOld = "too-old"
)

// Limits bound an event's own time against its receipt, in ms; 0 = no bound.
type Limits struct {
	Skew    int64 // how far in the future
	Horizon int64 // how far in the past, unless it is history or driven again
}

// Untimely says why the time of e is not acceptable; the code is empty if it
// is. An event without a time of receipt is always in time.
func (l Limits) Untimely(e *Event) (code, reason string) {
	if e.Received == 0 {
		return "", ""
	}
	if l.Skew > 0 && e.At > e.Received+l.Skew {
		return CodeFuture, fmt.Sprintf("event time %s is more than %s after its receipt at %s; check the sender's clock",
			stamp(e.At), time.Duration(l.Skew)*time.Millisecond, stamp(e.Received))
	}
	if l.Horizon > 0 && !e.Backfill && e.Redrive == nil && e.At < e.Received-l.Horizon {
		const day = 86_400_000
		return CodeTooOld, fmt.Sprintf("event time %s is more than %d days before its receipt at %s; import history with `ripen import --backfill`",
			stamp(e.At), l.Horizon/day, stamp(e.Received))
	}
	return "", ""
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
