package backtest

import (
	"github.com/ripenhq/ripen/engine/backtest/measure"
)

// WhatIf is a changed workflow on the same leads.
type WhatIf struct {
	Change string      `json:"change"` // "window 30d", "threshold 40", "as it is"
	AUC    measure.AUC `json:"ranking"`
	Handed Handed      `json:"hand_offs"`
	// Gained and Dropped are leads that are handed off with the change and not
	// without, and the other way round.
	Gained  int `json:"newly_handed_off"`
	Dropped int `json:"no_longer_handed_off"`
	// Blank are the winners that had points for what they did, all of which had
	// faded when they were won: what the window costs. Winners had such points.
	Blank   int `json:"winners_blank"`
	Winners int `json:"winners_with_behaviour"`
}

// Compare says what a change does; g is the workflow as it is, changed the same
// leads under the changed one.
func (g *Gatherer) Compare(change string, changed *Gatherer) WhatIf {
	var all measure.Group
	w := WhatIf{Change: change, AUC: measure.AreaUnder(changed.Scores())}
	for i := range changed.Cases {
		c := &changed.Cases[i]
		all.Add(c.Fate)
		if c.Fate == measure.Won && c.Dated > 0 {
			w.Winners++
			if c.Blank {
				w.Blank++
			}
		}
	}
	w.Handed = changed.handedOf(&all)
	before := make(map[string]bool, len(g.handed))
	for _, h := range g.handed {
		before[h.lead] = true
	}
	for _, h := range changed.handed {
		if !before[h.lead] {
			w.Gained++
		}
		delete(before, h.lead)
	}
	w.Dropped = len(before)
	return w
}
