package match

import "unicode/utf8"

// Set is a fixed set of texts, each with its position, looked up without
// allocation.
type Set struct {
	fold  bool
	exact index
	bins  map[uint64][]bin // folded
}

type bin struct {
	text string // folded
	at   int32
}

// NewSet makes a set; of equal texts the first one counts. fold makes it
// ignore case.
func NewSet(texts []string, fold bool) *Set {
	s := &Set{fold: fold}
	if fold {
		s.bins = make(map[uint64][]bin, len(texts))
		for i, t := range texts {
			t = foldText(t)
			if s.Find(t) < 0 {
				h := foldHash(t)
				s.bins[h] = append(s.bins[h], bin{t, int32(i)})
			}
		}
		return s
	}
	for i, t := range texts {
		s.exact.add(t, int32(i))
	}
	s.exact.done()
	return s
}

// Find returns the position of text, -1 if it is not in the set.
func (s *Set) Find(text string) int {
	if !s.fold {
		return int(s.exact.find(text))
	}
	for _, b := range s.bins[foldHash(text)] {
		if end, ok := foldPrefix(text, b.text); ok && end == len(text) {
			return int(b.at)
		}
	}
	return -1
}

// foldHash is FNV-1a over the folded runes.
func foldHash(s string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		h = (h ^ uint64(foldRune(r))) * prime
		i += n
	}
	return h
}
