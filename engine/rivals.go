package engine

import (
	"encoding/json"
	"slices"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// rivals compares what shadows decide with what their live releases do, on the
// same batch of inputs. A batch that is read again after a crash in its middle
// may tell of leads that only one of them had done before.
type rivals struct {
	decided map[lineage.ID][]lead.Decision // of the batch so far
}

// note takes over what the last slice of a batch led to.
func (r *rivals) note(s *lineage.Set) {
	for _, m := range s.Members() {
		if m.Role != lineage.Shadow {
			continue
		}
		live := s.Live(m.Workflow)
		if live == nil || len(m.Out.Decisions) == 0 && len(live.Out.Decisions) == 0 {
			continue
		}
		if r.decided == nil {
			r.decided = map[lineage.ID][]lead.Decision{}
		}
		r.decided[m.ID] = append(r.decided[m.ID], m.Out.Decisions...)
	}
	for _, m := range s.Members() { // once, whatever the number of its shadows
		rival := func(x *lineage.Member) bool { return x.Role == lineage.Shadow && x.Workflow == m.Workflow }
		if m.Role == lineage.Live && len(m.Out.Decisions) > 0 && slices.ContainsFunc(s.Members(), rival) {
			r.decided[m.ID] = append(r.decided[m.ID], m.Out.Decisions...)
		}
	}
}

// outputs tells the differences at the end of a batch, and begins anew.
func (r *rivals) outputs(s *lineage.Set) (list []journal.Output, err error) {
	if len(r.decided) == 0 {
		return nil, nil
	}
	defer r.forget()
	for _, m := range s.Members() {
		live := s.Live(m.Workflow)
		if m.Role != lineage.Shadow || live == nil {
			continue
		}
		for _, d := range lineage.Differences(live, m, r.decided[live.ID], r.decided[m.ID]) {
			body, err := json.Marshal(d)
			if err != nil {
				return nil, err
			}
			list = append(list, journal.Output{Subject: journal.ShadowSubject(m.Workflow), Data: body})
		}
	}
	return list, nil
}

func (r *rivals) forget() { clear(r.decided) }
