package decide

import (
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Sales answers are events with these names. They move episodes and never
// count as the lead's activity.
const (
	LeadAccepted  = "Lead Accepted"
	LeadContacted = "Lead Contacted"
	LeadRejected  = "Lead Rejected"
	LeadRecycled  = "Lead Recycled"
	LeadWon       = "Lead Won"
	LeadLost      = "Lead Lost"
	ScoreAdjusted = "Score Adjusted"
)

// IsAnswer says whether the event is a sales answer.
func IsAnswer(e *lead.Event) bool {
	if e.Kind != lead.Track {
		return false
	}
	switch e.Name {
	case LeadAccepted, LeadContacted, LeadRejected, LeadRecycled, LeadWon, LeadLost, ScoreAdjusted:
		return true
	}
	return false
}

// Answer moves the marks by a sales answer; Score Adjusted moves none.
func (p *Policy) Answer(f *ledger.Frame) {
	e, m := f.Event, &f.Acct.Marks
	switch e.Name {
	case ScoreAdjusted:
		return
	case LeadAccepted, LeadContacted:
	case LeadRecycled:
		p.closeSales(m, f.Now)
		m.Resting = max(m.Resting, TimeOf(e.Props.Get("until")))
		m.Matched = 0 // after the rest the lead may be handed over again
	default:
		p.closeSales(m, f.Now)
	}
	m.Pending, m.Drip = nil, nil
	m.Stage = strings.ToLower(strings.TrimPrefix(e.Name, "Lead "))
}

func (p *Policy) closeSales(m *ledger.Marks, now int64) {
	for _, action := range p.Sales {
		closeEpisode(m, action, now)
	}
}

// TimeOf reads a time in ms or RFC 3339; 0 if it is none.
func TimeOf(v lead.Value) int64 {
	switch v.Kind {
	case lead.Number:
		const year10000 = 253402300800000
		if v.Num >= 0 && v.Num <= year10000 {
			return int64(v.Num)
		}
	case lead.String:
		for _, layout := range []string{time.RFC3339, "2006-01-02"} {
			if t, err := time.Parse(layout, v.Str); err == nil {
				return t.UnixMilli()
			}
		}
	}
	return 0
}
