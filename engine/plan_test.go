package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

func planBook() *ledger.Book {
	b := &ledger.Book{AgeStep: 86_400_000, MaxBuckets: 10, MaxUses: 10}
	b.Index()
	return b
}

func TestPlanner(t *testing.T) {
	begin := journal.Record{Pos: journal.Position{Seq: 5}, Health: []byte("before")}
	done := journal.Record{Pos: journal.Position{Seq: 9}, Clock: 77, Health: []byte("after")}
	tests := map[string]struct {
		leads, decisions, rejected, state int // per lead: decisions, bytes of state
		plans                             int
	}{
		"nothing changed":                 {plans: 1},
		"one commit":                      {leads: 10, decisions: 2, rejected: 3, plans: 1},
		"cut by outputs":                  {leads: 1000, decisions: 2, plans: 3},
		"cut by size":                     {leads: 4, state: maxState / 2, plans: 4},
		"one lead larger than a record":   {leads: 1, state: maxState * 2, plans: 1},
		"more rejected than one can hold": {leads: 1, decisions: 1, rejected: 2000, plans: 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			book := planBook()
			var out core.Output
			for i := range tc.leads {
				a := ledger.NewAccount(book, fmt.Sprintf("lead-%d", i))
				a.Person = lead.Props{{Name: "t", Value: lead.StringOf(string(make([]byte, tc.state)))}}
				out.Touched = append(out.Touched, a)
				out.NewIDs = append(out.NewIDs, core.SeenID{Hash: [16]byte{byte(i), byte(i >> 8)}, Day: int32(i % 3), Lead: a.Key})
				for k := range tc.decisions {
					out.Decisions = append(out.Decisions, lead.Decision{ID: fmt.Sprint(i, k), Lead: a.Key, Workflow: "w", Action: "a"})
				}
			}
			for i := range tc.rejected {
				out.Rejected = append(out.Rejected, lead.Rejected{Event: fmt.Sprint(i), Code: "c"})
			}
			p := &planner{book: book}
			plans, err := p.plan(&out, begin, done)
			require.NoError(t, err)
			assert.Len(t, plans, tc.plans)
			checkPlans(t, book, plans, &out, begin, done)
		})
	}
}

// checkPlans: everything is in exactly one commit, a lead whole in one, and
// only the last moves the position.
func checkPlans(t *testing.T, book *ledger.Book, plans []commitPlan, out *core.Output, begin, done journal.Record) {
	t.Helper()
	outs, ids, accounts := 0, 0, 0
	for i := range plans {
		assert.LessOrEqual(t, len(plans[i].outs), journal.MaxOutputs)
		outs += len(plans[i].outs)
		seen, touched, err := readDelta(&plans[i].rec, book)
		require.NoError(t, err)
		ids += len(seen)
		accounts += len(touched)
		if i < len(plans)-1 {
			assert.Equal(t, begin.Pos, plans[i].rec.Pos)
			assert.Equal(t, begin.Health, plans[i].rec.Health)
			assert.Zero(t, plans[i].rec.Clock)
		} else {
			assert.Equal(t, done.Pos, plans[i].rec.Pos)
			assert.Equal(t, done.Health, plans[i].rec.Health)
			assert.Equal(t, done.Clock, plans[i].rec.Clock)
		}
	}
	assert.Equal(t, len(out.Decisions)+len(out.Rejected), outs)
	assert.Equal(t, len(out.NewIDs), ids)
	assert.Equal(t, len(out.Touched), accounts)
}

func TestPlanner_OneLeadWithTooManyDecisionsAsksForSmallerBatches(t *testing.T) {
	book := planBook()
	out := core.Output{Touched: []*ledger.Account{ledger.NewAccount(book, "a")}}
	for range journal.MaxOutputs + 1 {
		out.Decisions = append(out.Decisions, lead.Decision{Lead: "a"})
	}
	_, err := (&planner{book: book}).plan(&out, journal.Record{}, journal.Record{})
	assert.ErrorIs(t, err, journal.ErrTooLarge)
}

func FuzzReadDelta(f *testing.F) {
	f.Add(appendDays(nil, []core.SeenID{{Day: 3}, {Day: 3}, {Day: 4}}), uint8(3))
	f.Add([]byte{deltaVersion, 0, 5, 1}, uint8(0))
	book := planBook()
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		_, _, _ = readDelta(&journal.Record{Delta: b, Events: make([]journal.EventID, n)}, book)
	})
}
