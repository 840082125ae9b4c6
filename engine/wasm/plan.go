package wasm

// plan decides how many slots the next call takes. It only ever changes how
// often the plugin is called, never an outcome.
type plan struct {
	most int // slots of a call, by the plugin's own word

	limit int // slots of a call, for now: lower after innocent rounds ran out of fuel
	clean int // calls since it was lowered

	before  int  // ≥0: so many slots, then one alone; -1 = no suspect
	guessed bool // the suspect is a guess, for want of a cursor
	blind   bool // the plugin keeps no cursor: halve instead
}

// cleanCalls is how many calls without a fault double a lowered limit again.
const cleanCalls = 32

func (p *plan) reset() {
	p.before, p.guessed = -1, false
	if p.limit == 0 {
		p.limit = p.most
	}
}

// trial sends the next slot alone.
func (p *plan) trial() { p.before = 0 }

// next says how many slots to take, and whether as a suspect.
func (p *plan) next(left int) (n int, alone bool) {
	if p.before == 0 {
		return 1, true
	}
	n = min(left, p.limit)
	if p.before > 0 {
		n = min(n, p.before)
	}
	return n, false
}

// settled counts n slots from the front whose outcome is known.
func (p *plan) settled(n int) {
	switch {
	case n == 0:
	case p.before > 0:
		p.before -= min(n, p.before)
	case p.before == 0:
		// The suspect passed on its own. If it was only a guess, this plugin's
		// cursor says nothing.
		p.blind = p.blind || p.guessed
		p.before, p.guessed = -1, false
	default:
		if p.clean++; p.clean >= cleanCalls && p.limit < p.most {
			p.limit, p.clean = min(2*p.limit, p.most), 0
		}
	}
}

// verdict ends the hunt for a suspect.
func (p *plan) verdict() { p.before, p.guessed = -1, false }

// broke plans what follows a call of n slots that broke at slot at.
func (p *plan) broke(at, n int, fuel bool) {
	p.clean, p.guessed = 0, false
	switch {
	case n == 1:
		p.before = 0
	case fuel && at > 0:
		// Most likely an innocent round that was too long for the budget of one
		// input; smaller rounds from here on.
		p.before, p.limit = -1, at
	case at > 0:
		p.before = at
	case p.blind:
		p.before, p.limit = -1, max(1, n/2)
	default:
		p.before, p.guessed = 0, true
	}
}
