package match

import (
	"math"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Classifier finds the first of many literals that a text matches. Exact ones
// are looked up, and so are patterns that take all below a path ("/blog/*"):
// one look for each slash of the text. Other patterns are tried in order. It
// keeps no state, so partitions share it.
type Classifier struct {
	flat          Flat
	exact, folded *Set
	exactAt       []uint64 // 1+index of the literal, by position in the set
	foldedAt      []uint64
	below         index // "/blog" → index of "/blog/*"
	belows        bool
	deep          int // most slashes in a stem, one at its begin not counted
	other         []pattern
}

type pattern struct {
	glob Glob
	at   uint64
}

// NewClassifier prepares literals for Find.
func NewClassifier(literals []abi.Literal) *Classifier {
	c := &Classifier{}
	var exact, folded []string
	for i, l := range literals {
		at := uint64(i + 1)
		stem, isBelow := strings.CutSuffix(l.Text, "/*")
		switch {
		case !l.Glob || !strings.Contains(l.Text, "*"):
			if l.Fold {
				folded, c.foldedAt = append(folded, l.Text), append(c.foldedAt, at)
			} else {
				exact, c.exactAt = append(exact, l.Text), append(c.exactAt, at)
			}
		case !l.Fold && isBelow && stem != "" && !strings.Contains(stem, "*"):
			c.below.add(stem, int32(i))
			c.belows, c.deep = true, max(c.deep, strings.Count(stem[1:], "/"))
		default:
			c.other = append(c.other, pattern{NewGlob(l.Text, l.Fold), at})
		}
	}
	c.below.done()
	if len(folded)+len(c.other) == 0 {
		c.flat = newFlat(literals)
	}
	c.exact, c.folded = NewSet(slices.Clip(exact), false), NewSet(folded, true)
	return c
}

// Flat is the classifier in its fastest form, nil if its literals do not fit
// that.
func (c *Classifier) Flat() *Flat {
	if c.flat.few.places == nil {
		return nil
	}
	return &c.flat
}

// Find returns 1+index of the first literal that matches, 0 if none does.
func (c *Classifier) Find(text string) uint64 {
	if c.flat.few.places != nil {
		return c.flat.Find(text)
	}
	best := uint64(math.MaxUint64)
	if i := c.exact.exact.find(text); i >= 0 {
		best = c.exactAt[i]
	}
	if len(c.foldedAt) > 0 {
		if i := c.folded.Find(text); i >= 0 {
			best = min(best, c.foldedAt[i])
		}
	}
	if c.belows {
		best = min(best, c.findBelow(text))
	}
	for i := range c.other {
		if p := &c.other[i]; p.at > best {
			break
		} else if p.glob.Match(text) {
			return p.at
		}
	}
	if best == math.MaxUint64 {
		return 0
	}
	return best
}

// findBelow looks up each beginning of the text that ends before a slash, and
// the whole, as far as a stem goes.
func (c *Classifier) findBelow(text string) uint64 {
	best := uint64(math.MaxUint64)
	for end, more := 0, c.deep; end < len(text) && more >= 0; more-- {
		from := end + 1 // a stem is not empty
		if i := strings.IndexByte(text[from:], '/'); i >= 0 {
			end = from + i
		} else {
			end = len(text)
		}
		if at := c.below.find(text[:end]); at >= 0 {
			best = min(best, uint64(at)+1)
		}
	}
	return best
}
