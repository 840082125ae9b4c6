package match

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Glob is a compiled pattern: * stands for any run of characters, everything
// else for itself. A pattern that ends in "/*" also takes its own stem:
// "/blog/*" takes "/blog".
type Glob struct {
	parts []string // texts between the stars; folded if fold
	fold  bool
	stem  bool // ends in "/*"
}

// NewGlob compiles a pattern; fold makes it ignore case.
func NewGlob(pattern string, fold bool) Glob {
	if fold {
		pattern = foldText(pattern)
	}
	return Glob{parts: strings.Split(pattern, "*"), fold: fold, stem: len(pattern) > 2 && strings.HasSuffix(pattern, "/*")}
}

// Match says whether the whole of s fits. It allocates nothing.
func (g *Glob) Match(s string) bool {
	if g.match(s) {
		return true
	}
	if !g.stem {
		return false
	}
	last := len(g.parts) - 1 // "" behind the final star
	if last == 1 {
		n, ok := g.prefix(s, strings.TrimSuffix(g.parts[0], "/"))
		return ok && n == len(s)
	}
	return g.run(s, last, strings.TrimSuffix(g.parts[last-1], "/"))
}

func (g *Glob) match(s string) bool {
	last := len(g.parts) - 1
	return g.run(s, last+1, g.parts[last])
}

// run matches the first n parts with tail in place of the last of them, which
// must end the text.
func (g *Glob) run(s string, n int, tail string) bool {
	at, ok := 0, true
	for i := 0; i < n-1; i++ {
		if i == 0 {
			at, ok = g.prefix(s, g.parts[0])
		} else {
			at, ok = g.find(s, at, g.parts[i])
		}
		if !ok {
			return false
		}
	}
	if n == 1 {
		end, ok := g.prefix(s, tail)
		return ok && end == len(s)
	}
	return g.suffix(s[at:], tail)
}

func (g *Glob) prefix(s, part string) (end int, ok bool) {
	if !g.fold {
		return len(part), strings.HasPrefix(s, part)
	}
	return foldPrefix(s, part)
}

// find returns the end of the first occurrence of part at or after at.
func (g *Glob) find(s string, at int, part string) (end int, ok bool) {
	if !g.fold {
		i := strings.Index(s[at:], part)
		return at + i + len(part), i >= 0
	}
	for i := at; ; {
		if n, ok := foldPrefix(s[i:], part); ok {
			return i + n, true
		}
		if i >= len(s) {
			return 0, false
		}
		_, w := utf8.DecodeRuneInString(s[i:])
		i += w
	}
}

func (g *Glob) suffix(s, part string) bool {
	if !g.fold {
		return strings.HasSuffix(s, part)
	}
	for len(s) > 0 && len(part) > 0 {
		a, n := utf8.DecodeLastRuneInString(s)
		b, m := utf8.DecodeLastRuneInString(part)
		if foldRune(a) != b {
			return false
		}
		s, part = s[:len(s)-n], part[:len(part)-m]
	}
	return part == ""
}

// foldPrefix says whether s begins with the folded text part, and where the
// prefix ends in s.
func foldPrefix(s, part string) (end int, ok bool) {
	for _, want := range part {
		if end >= len(s) {
			return 0, false
		}
		r, n := utf8.DecodeRuneInString(s[end:])
		if foldRune(r) != want {
			return 0, false
		}
		end += n
	}
	return end, true
}

func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}
	return unicode.ToLower(r)
}

func foldText(s string) string { return strings.Map(foldRune, s) }
