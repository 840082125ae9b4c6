package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine"
)

// explainAll makes all decisions of the journal again and checks the sums of all
// leads.
func (a *app) explainAll(ctx context.Context, f *explainFlags, w *engine.Workflow, o engine.Options) error {
	var r *engine.CheckedAll
	for _, clock := range f.clocks {
		o.Clock = clock
		again, err := a.checkAll(ctx, o)
		if err != nil {
			return err
		}
		if r == nil || again.Different+again.Other == 0 {
			r = again
		}
		if r.Different+r.Other == 0 {
			break
		}
	}
	if err := a.answerAll(f, r, w.Model.LeadWord); err != nil {
		return err
	}
	var bad []string
	add := func(n int, text string) {
		if n > 0 {
			bad = append(bad, fmt.Sprintf(text, thousands(n)))
		}
	}
	add(r.Different, "%s of the decisions are not what their inputs make")
	add(r.Other, "%s other differences between the journal and its inputs")
	add(len(r.Unbalanced), "%s leads whose lines do not sum to their scores")
	if len(bad) > 0 {
		return no("%s", strings.Join(bad, ", "))
	}
	if r.Decisions > 0 && r.Same == 0 {
		return no("none of %s could be made again; name the workflow that decided, in the release that did", plural(r.Decisions, "decision"))
	}
	return nil
}

func (a *app) checkAll(ctx context.Context, o engine.Options) (*engine.CheckedAll, error) {
	bar := a.progress("reproducing", -1, false)
	defer bar.done()
	at := uint64(0)
	return engine.CheckAll(ctx, o, func(seq, _ uint64) {
		bar.add(int(seq - at))
		at = seq
	})
}

func (a *app) answerAll(f *explainFlags, r *engine.CheckedAll, word string) error {
	if f.json {
		return a.encode(r)
	}
	a.printAll(r, word)
	return nil
}

func (a *app) printAll(r *engine.CheckedAll, word string) {
	a.say("decisions in the journal %s: reproduced bit for bit %s, different %s, out of reach %s", thousands(r.Decisions), thousands(r.Same), thousands(r.Different), thousands(r.Decisions-r.Same-r.Different))
	a.say("%ss %s: lines sum to the score, to the milli-point, for %s", word, thousands(r.Leads), thousands(r.Leads-len(r.Unbalanced)))
	for _, n := range r.Notes {
		a.say("%s", clean(n))
	}
	for i := range r.Problems {
		a.say("%s", clean(r.Problems[i].String()))
	}
	for _, key := range r.Unbalanced {
		a.say("%s", clean(fmt.Sprintf("the lines of %s %q do not sum to its scores", word, key)))
	}
}
