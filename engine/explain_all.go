package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// CheckedAll is what a check of all decisions and all leads found.
type CheckedAll struct {
	Decisions int `json:"decisions"` // in the journal
	Same      int `json:"same"`      // of them made again from their inputs, bit for bit
	Different int `json:"different"` // of them that their inputs do not make
	Other     int `json:"other"`     // differences in records, leads and rejected events
	Leads     int `json:"leads"`
	// Unbalanced are the leads whose lines do not sum to a score.
	Unbalanced []string  `json:"unbalanced"`
	Problems   []Problem `json:"problems"`
	Notes      []string  `json:"notes,omitempty"`
}

// mostProblems bounds the list of problems of a partition.
const mostProblems = 100_000

// CheckAll makes every decision of the journal again from the inputs, in one
// pass over them, and compares the bytes; and it looks at every lead, whose
// lines must sum to its scores. It reads only. What was decided on inputs that
// are gone by age cannot be made again: Decisions − Same − Different.
func CheckAll(ctx context.Context, o Options, progress func(at, last uint64)) (*CheckedAll, error) {
	r := &CheckedAll{Unbalanced: []string{}}
	if err := r.count(ctx, o); err != nil {
		return nil, err
	}
	v, err := Verify(ctx, o, VerifyOptions{Progress: progress, Most: mostProblems})
	if err != nil {
		return nil, err
	}
	r.Problems = v.Problems
	for i := range v.Problems {
		if v.Problems[i].Kind == "decision" {
			r.Different++
		} else {
			r.Other++
		}
	}
	for i := range v.Partitions {
		p := &v.Partitions[i]
		r.Same += p.Decisions
		for _, n := range p.Notes {
			r.Notes = append(r.Notes, fmt.Sprintf("partition %d: %s", p.Partition, n))
		}
	}
	r.Same = max(0, min(r.Same, r.Decisions)-r.Different) // an engine may have gone on meanwhile
	return r, r.sums(ctx, o)
}

// count counts the decisions of the journal.
func (r *CheckedAll) count(ctx context.Context, o Options) error {
	x, err := OpenExplainer(ctx, o)
	if err != nil {
		return err
	}
	defer x.Close()
	return x.decisions(ctx, journal.DecisionSubject("*", "*"), func(*journal.Message, *lead.Decision) error {
		r.Decisions++
		return nil
	})
}

// sums looks at all leads.
func (r *CheckedAll) sums(ctx context.Context, o Options) error {
	s, err := Inspect(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	keys := s.Leads()
	slices.Sort(keys)
	err = s.Look(keys, s.Clock(), func(f *ledger.Frame) {
		r.Leads++
		if len(explain.Unbalanced(explain.Scores(f))) > 0 {
			r.Unbalanced = append(r.Unbalanced, f.Acct.Key)
		}
	})
	slices.Sort(r.Unbalanced)
	return err
}
