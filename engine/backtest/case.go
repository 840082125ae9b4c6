package backtest

import (
	"slices"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// lineKey tells lines of the ledger apart: facts by their value too, because
// each value of a criterion is worth something else.
type lineKey struct {
	rule  int32
	label string
}

// lineInfo is what a line is called.
type lineInfo struct {
	rule  int32
	label string // of facts
	dated bool
}

// maxLabels bounds the values of one rule that are told apart.
const maxLabels = 60

// caseOf judges a lead as it stands in the frame.
func (g *Gatherer) caseOf(f *ledger.Frame, at int64) Case {
	s := &g.subjects[g.index[f.Acct.Key]]
	c := Case{Lead: s.key, Fate: s.fate, At: at, First: s.first, Score: f.Values[g.opts.Score], Rival: s.rival, Rivaled: s.rivaled, did: s.did, months: s.months}
	if c.Fate == measure.Open && g.opts.Others && !s.future {
		c.Fate = measure.Lost
		g.Tally.Assumed++
	}
	if i := g.policy.Grading; i >= 0 && i < len(f.Acct.Steps) {
		c.Grade = f.Acct.Steps[i].Grade
	}
	g.Tally.Leads++
	switch c.Fate {
	case measure.Won:
		g.Tally.Won++
	case measure.Lost:
		g.Tally.Lost++
	default:
		g.Tally.Open++
	}
	g.readBuckets(f, &c)
	if g.opts.Facts {
		c.person, c.company = slices.Clone(f.Acct.Person), slices.Clone(f.Acct.Company)
	}
	return c
}

// readBuckets sums the ledger of a lead per line, and what it would be if
// nothing faded.
func (g *Gatherer) readBuckets(f *ledger.Frame, c *Case) {
	g.totals = slices.Grow(g.totals[:0], len(g.book.Scores))[:len(g.book.Scores)]
	clear(g.totals)
	old := g.book.AgeStepOf(c.At - g.opts.Old)
	var left lead.Points
	for i := range f.Acct.Buckets {
		b := &f.Acct.Buckets[i]
		given := b.Awarded - b.Reversed
		if b.Reversed > 0 && b.Remaining == 0 {
			given = 0 // all that was left was taken back: without decay, all
		}
		score := g.book.ScoreIndex(b.Score)
		if score >= 0 {
			g.totals[score] += given
		}
		if given == 0 && b.Remaining == 0 {
			continue
		}
		dated := b.Step != 0
		if dated && given > 0 {
			if score >= 0 && g.parts[score] {
				c.Dated += given
				left += b.Remaining
				if b.Step <= old {
					c.Old += given
				}
			}
			if at, ok := g.rules[b.Rule]; ok {
				g.classes[classStep{g.classOf[at], b.Step}] += int(b.Count)
			}
		}
		if at := g.lineOf(f.Acct, i, b, dated); at >= 0 {
			c.addLine(at, int32(min(b.Count, 1<<30)), given, b.Remaining)
		}
	}
	c.Blank = c.Dated > 0 && left <= 0
	c.Bare = g.bare(f)
}

func (c *Case) addLine(at, count int32, given, left lead.Points) {
	for i := range c.lines {
		if l := &c.lines[i]; l.of == at {
			l.count += count
			l.awarded += given
			l.remaining += left
			return
		}
	}
	c.lines = append(c.lines, line{at, count, given, left})
}

// lineOf finds the line that a bucket belongs to, -1 if its rule is not of this
// workflow.
func (g *Gatherer) lineOf(a *ledger.Account, i int, b *ledger.Bucket, dated bool) int32 {
	rule, ok := g.rules[b.Rule]
	if !ok {
		return -1
	}
	k := lineKey{rule: rule}
	if !dated {
		k.label = a.Label(i)
	}
	if at, ok := g.lineAt[k]; ok {
		return at
	}
	if k.label != "" && g.labelsOf(rule) >= maxLabels {
		k.label = "(other values)"
		if at, ok := g.lineAt[k]; ok {
			return at
		}
	}
	at := int32(len(g.lines))
	k.label = string([]byte(k.label)) // the account's text may go
	g.lines = append(g.lines, lineInfo{rule, k.label, dated})
	g.lineAt[k] = at
	return at
}

func (g *Gatherer) labelsOf(rule int32) (n int) {
	for i := range g.lines {
		if g.lines[i].rule == rule {
			n++
		}
	}
	return n
}

// bare is the judged score with decay off: the same formulas over what was
// awarded and not taken back. Points that had wholly faded when they were to be
// taken back still count here; a what-if with the window off scores anew.
func (g *Gatherer) bare(f *ledger.Frame) lead.Points {
	g.values = slices.Grow(g.values[:0], len(g.book.Scores))[:len(g.book.Scores)]
	b := *f
	b.Totals, b.Values = g.totals, g.values
	for i := range g.book.Scores {
		s := &g.book.Scores[i]
		raw := g.totals[i]
		if s.Derive != nil {
			raw = s.Derive(&b)
		}
		g.values[i] = s.Value(raw)
	}
	return g.values[g.opts.Score]
}
