package lead

import (
	"fmt"
	"strings"
)

// Redrive names an attempt to score a rejected event after all. It passes the
// set of known ids and the horizon, because the event was received before, and
// each attempt counts once.
type Redrive struct {
	Workflow string // for which it is meant
	Attempt  uint32 // from 1
}

// MaxAttempt bounds the attempts of one event.
const MaxAttempt = 1_000_000

// CodeElsewhere rejects a redrive that is meant for another workflow.
const CodeElsewhere = "redrive-elsewhere"

// RedriveID is the id under which an attempt is admitted, instead of the
// event's own.
func RedriveID(event string, r *Redrive) string {
	return fmt.Sprintf("redrive of %s for %s, attempt %d", event, r.Workflow, r.Attempt)
}

// RedrivenID is the event's own id behind the id of an attempt for a workflow;
// any other id is given back as it is.
func RedrivenID(id, workflow string) string {
	rest, ok := strings.CutPrefix(id, "redrive of ")
	at := strings.LastIndex(rest, " for "+workflow+", attempt ")
	if !ok || at < 0 {
		return id
	}
	return rest[:at]
}

// Misdirected says why a redrive is not for this workflow; the code is empty if
// it is.
func (r *Redrive) Misdirected(workflow string) (code, reason string) {
	if r == nil || r.Workflow == workflow {
		return "", ""
	}
	return CodeElsewhere, fmt.Sprintf("the redrive names workflow %q, this is %q; redrive the event where it was rejected", r.Workflow, workflow)
}
