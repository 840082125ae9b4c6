package value

import (
	"fmt"
	"strings"
)

// Suggest returns the candidate nearest to what was written, "" if none is
// near. Earlier candidates win ties.
func Suggest(written string, candidates []string) string {
	best, at := 1+max(1, len(written)/3), ""
	if len(written) > 64 {
		return ""
	}
	if len(candidates) > 200 { // enough to be helpful, few enough to be quick
		candidates = candidates[:200]
	}
	w := strings.ToLower(written)
	for _, c := range candidates {
		if c == written || len(c) > 64 {
			continue
		}
		if d := editDistance(w, strings.ToLower(c)); d < best {
			best, at = d, c
		}
	}
	return at
}

// DidYouMean is the sentence for a name that is none of the candidates: a
// suggestion if one is near, else what there is.
func DidYouMean(written string, candidates []string) string {
	if s := Suggest(written, candidates); s != "" {
		return fmt.Sprintf("Did you mean %q?", s)
	}
	switch {
	case len(candidates) == 0:
		return "There is none."
	case len(candidates) > 24:
		return fmt.Sprintf("There are %d names to choose from.", len(candidates))
	}
	return "Expected " + OrList(candidates) + "."
}

// editDistance counts insertions, deletions, changes and swaps of neighbours
// (optimal string alignment; Damerau 1964).
func editDistance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

// OrList writes "a", "b" or "c".
func OrList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return JoinOr(quoted)
}

// JoinOr writes a, b or c.
func JoinOr(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
}
