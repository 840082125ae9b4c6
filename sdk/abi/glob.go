package abi

import "strings"

// Match says whether text is the literal. Host and test harness share it, so
// that a pattern means the same everywhere.
func (l *Literal) Match(text string) bool {
	if !l.Glob {
		if l.Fold {
			return strings.EqualFold(l.Text, text)
		}
		return l.Text == text
	}
	pattern := l.Text
	if l.Fold {
		pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	}
	return MatchGlob(pattern, text)
}

// MatchGlob matches text against pattern, in which * stands for any run of
// characters, / included. A pattern that ends in "/*" also takes the text
// without that end: "/blog/*" takes "/blog".
//
// It is the usual greedy matcher with one point of return, linear for each
// star: of two stars the earlier never needs to move once the later matched.
func MatchGlob(pattern, text string) bool {
	if n := len(pattern) - 2; n > 0 && pattern[n:] == "/*" && globRun(pattern[:n], text) {
		return true
	}
	return globRun(pattern, text)
}

func globRun(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
