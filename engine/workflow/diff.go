package workflow

import (
	"regexp"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Change is one difference between two workflows that a reader of either would
// name: a rule, a score, a threshold, a route. Layout, comments and the split
// into files are none.
type Change struct {
	Kind ChangeKind
	// Path leads to what changed, from the top: step "behavior-points" "recent",
	// class "asked", events, "Demo Requested".
	Path []string
	// Before and After are the sources, as one line; empty if it was not there,
	// is not there any more, or if whole blocks come and go.
	Before, After string
	// Was and Is are the places; the zero Range if it is not there.
	Was, Is hcl.Range
}

// ChangeKind says what a change is about.
type ChangeKind string

// The kinds of changes.
const (
	ChangeRule      ChangeKind = "rule"      // what a step awards, grades or takes away
	ChangeScore     ChangeKind = "score"     // scale, cap, floor, sum
	ChangeThreshold ChangeKind = "threshold" // a number in the condition of a route, veto, suppress or label
	ChangeRoute     ChangeKind = "route"     // routes, vetoes, suppressions: anything else
	ChangeLabel     ChangeKind = "label"
	ChangeTable     ChangeKind = "table"
	ChangeCounter   ChangeKind = "counter"
	ChangeWorkflow  ChangeKind = "workflow" // names, texts, what belongs to all
	ChangeOrder     ChangeKind = "order"    // the same things in another order, where the first that fits wins
)

// Added says that the thing itself is new.
func (c *Change) Added() bool { return c.Kind != ChangeOrder && c.Was == hcl.Range{} }

// Removed is the opposite of Added.
func (c *Change) Removed() bool { return c.Kind != ChangeOrder && c.Is == hcl.Range{} }

// Diff lists what b changes of a, in the order of a with what is new in b at
// the end of its surroundings.
func Diff(a, b *Definition) []Change {
	var d differ
	d.members(nil, a.tree(), b.tree())
	return d.changes
}

type differ struct{ changes []Change }

func (d *differ) add(path []string, was, is *element) {
	c := Change{Path: append([]string(nil), path...)}
	if was != nil {
		c.Before, c.Was = was.text, was.rng
	}
	if is != nil {
		c.After, c.Is = is.text, is.rng
	}
	c.Kind = kindOf(&c)
	d.changes = append(d.changes, c)
}

// compare looks at two elements of one name.
func (d *differ) compare(path []string, was, is *element) {
	switch {
	case was.list && is.list:
		d.lists(path, was, is)
	case was.leaf() || is.leaf():
		if was.full() != is.full() {
			w, i := *was, *is
			w.text, i.text = was.full(), is.full()
			d.add(path, &w, &i)
		}
	default:
		d.members(path, was, is)
	}
}

func (e *element) leaf() bool { return e.members == nil || e.list }

// full is the source of an element with all that is in it.
func (e *element) full() string {
	if e.members == nil {
		return e.text
	}
	parts := make([]string, len(e.members))
	for i, m := range e.members {
		if parts[i] = m.full(); m.name != "" {
			parts[i] = m.name + " = " + parts[i]
		}
	}
	if e.list {
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// members compares what has names. One name may stand there twice: the first
// belongs to the first.
func (d *differ) members(path []string, was, is *element) {
	left, right := numbered(was.members), numbered(is.members)
	var common []*element
	for _, m := range was.members {
		n := left[m]
		other := find(is.members, right, m.name, n)
		if other == nil {
			d.add(append(path, m.name), m, nil)
			continue
		}
		common = append(common, other)
		d.compare(append(path, m.name), m, other)
	}
	for _, m := range is.members {
		if find(was.members, left, m.name, right[m]) == nil {
			d.add(append(path, m.name), nil, m)
		}
	}
	d.order(path, was, is, common)
}

// numbered counts elements of one name.
func numbered(list []*element) map[*element]int {
	seen, out := map[string]int{}, make(map[*element]int, len(list))
	for _, m := range list {
		out[m] = seen[m.name]
		seen[m.name]++
	}
	return out
}

func find(list []*element, number map[*element]int, name string, n int) *element {
	for _, m := range list {
		if m.name == name && number[m] == n {
			return m
		}
	}
	return nil
}

// order reports that what both have stands in another order, where that says
// which one wins: routes, steps, labels, and the members of a step's maps.
func (d *differ) order(path []string, was, is *element, common []*element) {
	groups := []string{"step"}
	if len(path) == 0 {
		groups = []string{"step", "route", "label"}
	}
	place := make(map[*element]int, len(is.members))
	for i, m := range is.members {
		place[m] = i
	}
	for _, group := range groups {
		var here []*element // in the order of a
		for _, m := range common {
			if orderGroup(path, m.name) == group {
				here = append(here, m)
			}
		}
		before := joinNames(here)
		sort.Slice(here, func(i, k int) bool { return place[here[i]] < place[here[k]] })
		if after := joinNames(here); after != before {
			d.changes = append(d.changes, Change{Kind: ChangeOrder, Path: append([]string(nil), path...), Before: before, After: after, Was: was.rng, Is: is.rng})
		}
	}
}

func joinNames(list []*element) string {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.name
	}
	return strings.Join(names, ", ")
}

// orderGroup names those among which the order counts; empty if it does not.
func orderGroup(path []string, name string) string {
	if len(path) == 0 {
		for _, typ := range []string{"step", "route", "label"} {
			if strings.HasPrefix(name, typ+" ") {
				return typ
			}
		}
		return ""
	}
	if strings.HasPrefix(path[0], "step ") {
		return "step"
	}
	return ""
}

// lists pairs the members that say the same and tells the others apart by where
// they stand.
func (d *differ) lists(path []string, was, is *element) {
	i, k := 0, 0
	for _, pair := range append(sameRuns(was.members, is.members), [2]int{len(was.members), len(is.members)}) {
		for ; i < pair[0] && k < pair[1]; i, k = i+1, k+1 {
			d.add(path, was.members[i], is.members[k])
		}
		for ; i < pair[0]; i++ {
			d.add(path, was.members[i], nil)
		}
		for ; k < pair[1]; k++ {
			d.add(path, nil, is.members[k])
		}
		i, k = pair[0]+1, pair[1]+1
	}
}

// maxAlign bounds the quadratic search for the longest common part of two
// lists; longer lists are compared as sets with order.
const maxAlign = 2000

// sameRuns are the index pairs of a longest common subsequence.
func sameRuns(a, b []*element) (pairs [][2]int) {
	head := 0
	for head < len(a) && head < len(b) && a[head].text == b[head].text {
		pairs = append(pairs, [2]int{head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail].text == b[len(b)-1-tail].text {
		tail++
	}
	mid, other := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(mid) <= maxAlign && len(other) <= maxAlign {
		for _, p := range longestCommon(mid, other) {
			pairs = append(pairs, [2]int{p[0] + head, p[1] + head})
		}
	}
	for n := tail; n > 0; n-- {
		pairs = append(pairs, [2]int{len(a) - n, len(b) - n})
	}
	return pairs
}

func longestCommon(a, b []*element) (pairs [][2]int) {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	width := len(b) + 1
	best := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			if a[i].text == b[k].text {
				best[i*width+k] = best[(i+1)*width+k+1] + 1
			} else {
				best[i*width+k] = max(best[(i+1)*width+k], best[i*width+k+1])
			}
		}
	}
	for i, k := 0, 0; i < len(a) && k < len(b); {
		switch {
		case a[i].text == b[k].text:
			pairs = append(pairs, [2]int{i, k})
			i, k = i+1, k+1
		case best[(i+1)*width+k] >= best[i*width+k+1]:
			i++
		default:
			k++
		}
	}
	return pairs
}

// numberForm finds the numbers in a condition, durations among them.
var numberForm = regexp.MustCompile(`\b\d+(\.\d+)?(e\d+)?(ms|[smhdw])?\b`)

// kindOf sorts a change by where it is and what it changes.
func kindOf(c *Change) ChangeKind {
	top, _, _ := strings.Cut(c.Path[0], " ")
	switch top {
	case "route", "veto", "suppress", "label":
		last := c.Path[len(c.Path)-1]
		if (last == "when" || last == "reset") && !c.Added() && !c.Removed() &&
			numberForm.ReplaceAllString(c.Before, "#") == numberForm.ReplaceAllString(c.After, "#") {
			return ChangeThreshold
		}
		if top == "label" {
			return ChangeLabel
		}
		return ChangeRoute
	case "score":
		return ChangeScore
	case "table":
		return ChangeTable
	case "counter":
		return ChangeCounter
	case "step":
		if len(c.Path) == 2 {
			switch c.Path[1] {
			case "floor", "cap", "scale", "mode", "raw_max":
				return ChangeScore
			}
		}
		return ChangeRule
	}
	return ChangeWorkflow
}
