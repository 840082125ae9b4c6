package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine"
)

// explainAll makes all decisions of the journal again and checks the sums of all
// leads.
func (a *app) explainAll(ctx context.Context, f *explainFlags, c *config) error {
	w, _, err := a.theirs(ctx, c, whose{})
	if err != nil {
		return err
	}
	defer w.Close()
	o := c.engineOptions(w, a.logger(c))
	if err := needData(&o); err != nil {
		return err
	}
	var r *engine.CheckedAll
	for _, clock := range f.clocks {
		o.Clock = clock
		again, err := engine.CheckAll(ctx, o)
		if err != nil {
			return err
		}
		if r == nil || again.Same > r.Same {
			r = again
		}
		if !r.Bad() && r.Unmade == 0 {
			break
		}
	}
	if f.json {
		err = a.encode(r)
	} else {
		a.printAll(r)
	}
	if err != nil {
		return err
	}
	return verdictAll(r)
}

func (a *app) printAll(r *engine.CheckedAll) {
	a.say("decisions in the journal %s: reproduced bit for bit %s, different %s, out of reach %s", thousands(r.Decisions), thousands(r.Same), thousands(r.Different), thousands(r.Unmade))
	a.say("leads %s: lines sum to the scores, to the milli-point, for %s", thousands(r.Leads), thousands(r.Leads-len(r.Unbalanced)))
	if r.Repeated > 0 {
		a.say("decisions that stand there a second time, byte for byte, because a partition was built again from its events: %s", thousands(r.Repeated))
	}
	if r.Missing > 0 {
		a.say("decisions that the events lead to and the journal does not hold (yet): %s", thousands(r.Missing))
	}
	for _, n := range r.Notes {
		a.say("%s", clean(n))
	}
	for _, p := range r.Problems {
		a.say("%s", clean(p))
	}
	for _, key := range r.Unbalanced {
		a.say("%s", clean(fmt.Sprintf("the lines of lead %q do not sum to its scores", key)))
	}
}

func verdictAll(r *engine.CheckedAll) error {
	var bad []string
	add := func(n int, text string) {
		if n > 0 {
			bad = append(bad, fmt.Sprintf(text, thousands(n)))
		}
	}
	add(r.Different, "%s of the decisions are not what their inputs make")
	add(r.Unsummed, "%s decisions whose lines do not sum to their scores")
	add(len(r.Unbalanced), "%s leads whose lines do not sum to their scores")
	if len(bad) > 0 {
		return no("%s", strings.Join(bad, ", "))
	}
	if r.Decisions > 0 && r.Same == 0 {
		return no("none of %s could be made again", plural(r.Decisions, "decision"))
	}
	return nil
}
