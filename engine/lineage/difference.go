package lineage

import (
	"github.com/ripenhq/ripen/engine/lead"
)

// Difference is a moment in which a shadow decides otherwise than the live
// lineage of its workflow: on the same input of the same lead.
type Difference struct {
	Lead     string     `json:"lead"`
	Workflow string     `json:"workflow"`
	At       int64      `json:"at"` // ms since 1970 UTC
	Cause    lead.Cause `json:"cause"`
	Live     Side       `json:"live"`
	Shadow   Side       `json:"shadow"`
	Why      string     `json:"why"` // for people
}

// Side is one of two releases that differ.
type Side struct {
	Lineage  ID             `json:"lineage"`
	Release  uint32         `json:"release"`
	Decision *lead.Decision `json:"decision"` // nil: none
}

// moment is an input of a lead.
type moment struct {
	lead  string
	cause lead.Cause
}

// Differences compares what a live lineage and a shadow of it decided on the
// same inputs. Decisions are the same if they take the same route.
func Differences(live, shadow *Member, liveOut, shadowOut []lead.Decision) (list []Difference) {
	if len(liveOut) == 0 && len(shadowOut) == 0 {
		return nil
	}
	theirs := map[moment][]*lead.Decision{}
	for i := range shadowOut {
		d := &shadowOut[i]
		at := moment{d.Lead, d.Cause}
		theirs[at] = append(theirs[at], d)
	}
	ours := map[moment][]*lead.Decision{}
	var order []moment
	for i := range liveOut {
		d := &liveOut[i]
		at := moment{d.Lead, d.Cause}
		if rest, same := without(theirs[at], d); same {
			theirs[at] = rest
			continue
		}
		if ours[at] == nil {
			order = append(order, at)
		}
		ours[at] = append(ours[at], d)
	}
	for i := range shadowOut {
		at := moment{shadowOut[i].Lead, shadowOut[i].Cause}
		if len(ours[at]) == 0 && len(theirs[at]) > 0 {
			ours[at] = []*lead.Decision{} // once
			order = append(order, at)
		}
	}
	for _, at := range order {
		a, b := ours[at], theirs[at]
		for i := range max(len(a), len(b)) {
			list = append(list, difference(live, shadow, at, nth(a, i), nth(b, i)))
		}
		theirs[at] = nil
	}
	return list
}

// without takes the decision out that is the same as d.
func without(list []*lead.Decision, d *lead.Decision) (rest []*lead.Decision, found bool) {
	for i, x := range list {
		if x.Action == d.Action && x.Route == d.Route {
			return append(append([]*lead.Decision{}, list[:i]...), list[i+1:]...), true
		}
	}
	return list, false
}

func nth(list []*lead.Decision, i int) *lead.Decision {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func difference(live, shadow *Member, at moment, ours, theirs *lead.Decision) Difference {
	d := Difference{Lead: at.lead, Workflow: live.Workflow, Cause: at.cause, At: at.cause.At,
		Live: Side{live.ID, live.Release.Number, ours}, Shadow: Side{shadow.ID, shadow.Release.Number, theirs}}
	switch {
	case ours == nil:
		d.At, d.Why = theirs.At, "only the shadow decides: "+theirs.Summary
	case theirs == nil:
		d.At, d.Why = ours.At, "only the live release decides: "+ours.Summary
	default:
		d.At, d.Why = ours.At, "live: "+ours.Summary+"; shadow: "+theirs.Summary
	}
	return d
}
