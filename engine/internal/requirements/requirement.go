package main

import (
	"bufio"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What became of a requirement or a test.
const (
	pass    = "pass"
	fail    = "FAIL"
	skip    = "skip"
	missing = "MISSING"
	later   = "later"
)

// requirement is one line of the list with the tests that name it.
type requirement struct {
	ID     string  `json:"id"`
	Text   string  `json:"text"`
	Later  bool    `json:"later,omitempty"`
	Status string  `json:"status"` // pass, FAIL, MISSING, later
	Tests  []proof `json:"tests"`
}

// proof is one test that names a requirement.
type proof struct {
	Package string `json:"package"`
	Name    string `json:"name"`
	Result  string `json:"result"` // pass, FAIL, skip
}

var idRule = regexp.MustCompile(`^\d{3}-\d{2}$`)

// parse reads the list: one requirement a line, # starts a comment.
func parse(text string) (reqs []*requirement, err error) {
	seen := map[string]bool{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, what, _ := strings.Cut(line, " ")
		switch {
		case !idRule.MatchString(id) || what == "":
			return nil, fmt.Errorf("line %d of the list: found %q, expected an ID such as 000-01 and a text", n, line)
		case seen[id]:
			return nil, fmt.Errorf("line %d of the list: %s stands there twice", n, id)
		}
		seen[id] = true
		reqs = append(reqs, &requirement{ID: id, Text: what, Later: strings.HasPrefix(what, "later (report)"), Tests: []proof{}})
	}
	return reqs, lines.Err()
}

var nameRule = regexp.MustCompile(`R(\d{3})_(\d{2})`)

// named are the IDs that a test's full name holds, sorted, each once.
func named(test string) (ids []string) {
	for _, m := range nameRule.FindAllStringSubmatch(test, -1) {
		ids = append(ids, m[1]+"-"+m[2])
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// judge gives each requirement the tests that name it; a test that names it
// stands for its subtests. Names of requirements that do not exist come back.
func judge(reqs []*requirement, results []proof) (unknown []string) {
	index := map[string]*requirement{}
	for _, r := range reqs {
		index[r.ID] = r
	}
	slices.SortFunc(results, func(a, b proof) int {
		if a.Package != b.Package {
			return strings.Compare(a.Package, b.Package)
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, t := range results {
		for _, id := range named(t.Name) {
			r := index[id]
			switch {
			case r == nil:
				unknown = append(unknown, t.Package+" "+t.Name)
			case !under(r.Tests, t):
				r.Tests = append(r.Tests, t)
			}
		}
	}
	for _, r := range reqs {
		r.Status = r.judge()
	}
	return unknown
}

// under says that the list holds a parent of the test already.
func under(list []proof, t proof) bool {
	return slices.ContainsFunc(list, func(p proof) bool {
		return p.Package == t.Package && strings.HasPrefix(t.Name, p.Name+"/")
	})
}

// judge: all tests pass and at least one really ran.
func (r *requirement) judge() string {
	ran := false
	for _, t := range r.Tests {
		if t.Result == fail {
			return fail
		}
		ran = ran || t.Result == pass
	}
	switch {
	case ran:
		return pass
	case r.Later:
		return later
	}
	return missing
}
