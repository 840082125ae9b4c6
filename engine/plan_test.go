package engine

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
)

// told makes what a core says of so many leads with so many bytes of traits, so
// many decisions and rejected events each, and so many rejected without a lead.
func told(t *testing.T, leads, state, decisions, rejected, homeless int) []*lineage.Member {
	t.Helper()
	b := &ledger.Book{AgeStep: 86_400_000, MaxBuckets: 10, MaxUses: 10}
	b.Index()
	c := core.New(core.Program{Book: b, Policy: &decide.Policy{}}, core.Options{})
	var out core.Output
	var inputs []core.Input
	for i := range leads {
		traits := lead.Props{{Name: "t", Value: lead.StringOf(string(make([]byte, state)))}}
		inputs = append(inputs, core.Input{Event: lead.Event{ID: "e", Lead: fmt.Sprintf("lead-%d", i), Kind: lead.Identify, At: 1, Traits: traits}})
	}
	require.NoError(t, c.Run(inputs, &out))
	for i := range leads {
		for k := range decisions {
			out.Decisions = append(out.Decisions, lead.Decision{ID: fmt.Sprint(i, k), Lead: inputs[i].Event.Lead, Workflow: "w", Action: "a"})
		}
		for range rejected {
			out.Rejected = append(out.Rejected, lead.Rejected{Lead: inputs[i].Event.Lead, Code: "c"})
		}
	}
	for range homeless {
		out.Rejected = append(out.Rejected, lead.Rejected{Code: "c"})
	}
	return []*lineage.Member{{Descriptor: lineage.Descriptor{ID: 3, Role: lineage.Live}, Core: c, Out: out}}
}

func TestPlanner(t *testing.T) {
	begin := journal.Record{Pos: journal.Position{Seq: 5}, Lineages: []journal.Lineage{{ID: 3, Health: []byte("before")}}}
	done := journal.Record{Pos: journal.Position{Seq: 9}, Clock: 77, Lineages: []journal.Lineage{{ID: 3, Health: []byte("after")}}}
	tests := map[string]struct {
		leads, decisions, rejected, homeless, state int // per lead: decisions, rejected events, bytes of state
		plans                                       int
	}{
		"nothing changed":                 {plans: 1},
		"one commit":                      {leads: 10, decisions: 2, homeless: 3, plans: 1},
		"cut by outputs":                  {leads: 1000, decisions: 2, plans: 3},
		"cut by rejected events":          {leads: 1000, rejected: 2, plans: 3},
		"cut by size":                     {leads: 4, state: maxState/2 + 1, plans: 4},
		"one lead larger than a record":   {leads: 1, state: maxState * 2, plans: 1},
		"more rejected than one can hold": {leads: 1, decisions: 1, homeless: 2000, plans: 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			out := told(t, tc.leads, tc.state, tc.decisions, tc.rejected, tc.homeless)
			p := &planner{}
			plans, err := p.plan(out, begin, done, 100, nil)
			require.NoError(t, err)
			assert.Len(t, plans, tc.plans)
			checkPlans(t, plans, &out[0].Out, begin, done)
		})
	}
}

// checkPlans: everything is in exactly one commit, a lead whole in one and its
// outputs with it, and only the last moves the position.
func checkPlans(t *testing.T, plans []commitPlan, out *core.Output, begin, done journal.Record) {
	t.Helper()
	outs, leads := 0, map[string]int{}
	for i := range plans {
		assert.LessOrEqual(t, len(plans[i].outs), journal.MaxOutputs)
		outs += len(plans[i].outs)
		require.NoError(t, core.DeltaLeads(plans[i].rec.Lineages[0].Delta, func(lead string) {
			assert.NotContains(t, leads, lead)
			leads[lead] = i
		}))
		if i < len(plans)-1 {
			assert.Equal(t, begin.Pos, plans[i].rec.Pos)
			assert.Equal(t, begin.Lineages[0].Health, plans[i].rec.Lineages[0].Health)
			assert.Zero(t, plans[i].rec.Clock)
		} else {
			assert.Equal(t, done.Pos, plans[i].rec.Pos)
			assert.Equal(t, done.Lineages[0].Health, plans[i].rec.Lineages[0].Health)
			assert.Equal(t, done.Clock, plans[i].rec.Clock)
		}
	}
	assert.Equal(t, len(out.Decisions)+len(out.Rejected), outs)
	assert.Len(t, leads, len(out.Changes))
	for i := range plans {
		for _, o := range plans[i].outs {
			var of struct{ Lead string }
			require.NoError(t, json.Unmarshal(o.Data, &of))
			if of.Lead != "" {
				assert.Equal(t, leads[of.Lead], i, "an effect and what is told of it")
			}
		}
	}
}

func TestPlanner_OneLeadWithTooManyDecisionsAsksForSmallerBatches(t *testing.T) {
	_, err := (&planner{}).plan(told(t, 1, 0, journal.MaxOutputs+1, 0, 0), journal.Record{}, journal.Record{}, 1, nil)
	assert.ErrorIs(t, err, journal.ErrTooLarge)
}
