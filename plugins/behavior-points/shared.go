package main

import (
	"math"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/sdk"
)

// shared is one column of literals for many groups: the host looks a text up
// once, and what hangs on the literal that it found is known beforehand.
//
// That works for texts and for patterns with one star, at their end. Of two
// such patterns one takes all that the other takes, or they have nothing in
// common; so with the narrower ones first, the literal that a text matches
// first says which others it matches too.
type shared struct {
	texts []string
	sets  []set
}

// set is what one group has in the column, in its order.
type set struct {
	texts []string
	hits  []hit
}

// simple says that a pattern may stand in a shared column.
func simple(pattern string) bool {
	i := strings.IndexByte(pattern, '*')
	return i < 0 || i == len(pattern)-1
}

// share adds a group to the shared columns.
func (b *builder) share(g group, events, pages []string) {
	b.names.add(g, b.groups, false, events, g.onEvent)
	b.pages.add(g, b.groups, len(events) > 0, pages, g.onPage)
	b.groups++
}

func (s *shared) add(g group, at int, mixed bool, texts []string, lines []line) {
	if len(texts) == 0 {
		return
	}
	one := set{texts: texts}
	for i, text := range texts {
		one.hits = append(one.hits, hit{line: lines[i], where: g.where, always: !g.hasWhere, mixed: mixed, group: at})
		if !slices.Contains(s.texts, text) {
			s.texts = append(s.texts, text)
		}
	}
	s.sets = append(s.sets, one)
}

// column returns the literals to ask for, and by literal (from 1) the lines
// that hang on it, in the order of the groups.
func (s *shared) column() (literals []string, byLiteral [][]hit) {
	literals = slices.Clone(s.texts)
	slices.SortStableFunc(literals, func(a, b string) int { return breadth(a) - breadth(b) })
	byLiteral = make([][]hit, 1+len(literals))
	for i, text := range literals {
		for _, one := range s.sets {
			if k := slices.IndexFunc(one.texts, func(pattern string) bool { return takes(pattern, text) }); k >= 0 {
				byLiteral[i+1] = append(byLiteral[i+1], one.hits[k])
			}
		}
	}
	return literals, byLiteral
}

// maxPairs bounds the table of pairs: beyond it each column is looked at for
// itself.
const maxPairs = 1 << 14

// pair works out beforehand what each pair of literals awards, so that an event
// takes one look.
func (s *scorer) pair() {
	if len(s.byName)*len(s.byPage) > maxPairs {
		return
	}
	s.width = len(s.byPage)
	for _, named := range s.byName {
		for _, viewed := range s.byPage {
			hits := slices.Clone(named)
			for _, h := range viewed {
				if !h.mixed || !taken(named, h.group) {
					hits = append(hits, h)
				}
			}
			s.pairs = append(s.pairs, append(hits, s.anyways...))
		}
	}
}

// breadth orders literals: texts first, then the longer of two patterns.
func breadth(literal string) int {
	if strings.HasSuffix(literal, "*") {
		return -len(literal)
	}
	return math.MinInt32
}

// takes says that a pattern takes all that a literal of the column takes.
func takes(pattern, literal string) bool {
	if stem, ok := strings.CutSuffix(literal, "*"); ok {
		// A text that only patterns can take, and only those that take the rest.
		return pattern == literal || sdk.MatchGlob(pattern, stem+"\x00")
	}
	return sdk.MatchGlob(pattern, literal)
}
