package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a report with something in each of its parts, and names that would
// break a page that does not escape them.
func sample() *plan.Report {
	line := []lead.Line{{Step: "points", Rule: "asked", Text: "<b>asked</b>", Remaining: 22_500}}
	now := &plan.Standing{Before: plan.Stand{Known: true, Display: "B 12"}, After: plan.Stand{Known: true, Display: "A 22"}}
	was := &plan.Decided{At: 1_767_225_600_000, Route: "warm", Cause: "Asked", Display: "B 12", Lines: line, Times: 1}
	is := &plan.Decided{At: 1_767_139_200_000, Route: "warm", Cause: "time passed", Display: "A 22", Times: 2}
	why := []string{"points asked: 12 → 22.5 (+10.5)"}
	list := func(h plan.Handoff) plan.Handoffs {
		h.Lead, h.Action, h.Why = "ann & bob", "sales-handoff", why
		return plan.Handoffs{Count: 3, List: []plan.Handoff{h}}
	}
	return &plan.Report{
		Workflow: `<script>alert("x")</script>`, LeadWord: "prospect", Before: plan.Release{Number: 3, Digest: "aaaa"}, After: plan.Release{Digest: "bbbb", From: "next"},
		Mode: plan.Mode{Rescore: true, OnRelease: plan.Fire, Most: 1}, History: plan.History{Events: 1234, From: 1_764_547_200_000, To: 1_767_225_600_000, Cut: 1_764_547_200_000},
		Cautions: []string{"small sample"}, Changed: true, Primary: "total",
		Diff:   []plan.Change{{Kind: "rule", Change: "changed", Path: []string{`step "x" "y"`, "<img src=x>"}, Before: "1", After: "2"}, {Kind: "route", Change: "added", Path: []string{"route"}}},
		Leads:  plan.LeadCounts{All: 60, Changed: 7, Score: 5, Grade: 2, Label: 1, New: 1},
		Scores: []plan.Score{{Name: "total", About: "all of it", Leads: 60, Changed: 5, Raised: 4, Lowered: 1, Moved: plan.Spread{Least: -2000, Most: 9000}, Bars: []plan.Bar{{From: -10_000, To: 0, Before: 3}, {From: 0, To: 10_000, Before: 57, After: 60}}}, {Name: "late", Change: "added"}},
		Grades: &plan.Matrix{Names: []string{"A", "B", ""}, Leads: [][]int{{5, 0, 0}, {2, 50, 0}, {0, 0, 3}}},
		Labels: &plan.Matrix{Names: []string{"hot"}, Leads: [][]int{{60}}},
		Sales:  plan.Sales{Actions: []string{"sales-handoff"}, Before: 4, After: 6, Gained: list(plan.Handoff{After: is}), Lost: list(plan.Handoff{Before: was}), Sooner: list(plan.Handoff{Before: was, After: is}), Later: list(plan.Handoff{Before: is, After: was})},
		Switch: plan.Switch{At: 1_767_225_600_000, Newly: 2, Sales: 2, Decisions: 2, Refused: true, ByRoute: []plan.Counted{{Name: "sales-handoff (warm)", Count: 2}},
			List: []plan.NewlyTrue{{Lead: "cleo", Action: "sales-handoff", Route: "warm", Display: "A 30", Lines: line, Why: why}}},
		Routes: []plan.Route{{Action: "sales-handoff", Route: "a route with a very long name", Before: 4, After: 6}},
		Rules:  []plan.Rule{{Score: "total", Step: "points", Rule: "asked", Before: plan.RuleSums{Leads: 3, Remaining: 36_000}, After: plan.RuleSums{Leads: 3, Remaining: 67_500}}, {Score: "total", Step: "points", Rule: "same"}},
		Movers: []plan.Mover{{Lead: "ann", Before: 12_000, After: 22_500, Now: now, Why: why}},
		Cost:   plan.Cost{Before: plan.Effort{Events: 1234, Fuel: 70_000, Nanos: 5_940}, After: plan.Effort{Events: 1234, Fuel: 71_000}},
	}
}

func TestSummary(t *testing.T) {
	r := sample()
	assert.Equal(t, []string{
		`Workflow <script>alert("x")</script>, release 3 (aaaa) → next bbbb: 2 changes in the files (rule 1, route 1); it re-scores all prospects from history.`,
		"Compared on 1,234 events of 60 prospects, 2025-12-01 to 2026-01-01. Older events are gone: what the live release knows from before 2025-12-01T00:00:00Z is carried over.",
		"7 of 60 prospects change (11.7 %): 5 another score, 2 another grade, 1 another label, 1 known only to the new release, 0 only to the old one.",
		"Over the history 6 prospects would have gone to sales instead of 4: 3 newly, 3 no longer, 3 sooner, 3 later.",
		"At the switch 2 prospects are newly true, 2 of them for sales; 2 decisions are published at once (on_release = fire). apply would refuse: max_new_handoffs is 1.",
	}, Summary(r))
	r.Mode = plan.Mode{OnRelease: plan.Drip, PerDay: 7}
	r.Leads, r.Switch.Newly, r.History.Whole = plan.LeadCounts{All: 1}, 1, true
	got := strings.Join(Summary(r), "\n")
	for _, want := range []string{"goes on from today's scores without a re-score (--no-rescore)", "of 1 prospect, 2025-12-01", "No prospect changes its score", "The past stays as it was decided", "1 prospect is newly true", "7 a day are handed on"} {
		assert.Contains(t, got, want)
	}
	assert.Contains(t, strings.Join(Summary(&plan.Report{LeadWord: "lead"}), "\n"), "The history holds no event that counts")
	assert.Contains(t, strings.Join(Summary(&plan.Report{LeadWord: "lead"}), "\n"), "Nothing changes")
}

func TestTables_Golden(t *testing.T) {
	var b strings.Builder
	for _, table := range Tables(sample(), 15) {
		fmt.Fprintf(&b, "%s: %s\n%s\n%q\n", table.ID, table.Title, table.About, table.Head)
		for _, row := range table.Rows {
			assert.Len(t, row, len(table.Head), table.ID)
			fmt.Fprintf(&b, "%q\n", row)
		}
		fmt.Fprintf(&b, "%q\n\n", table.Notes)
		assert.NotEmpty(t, table.About, "every figure says what it is of")
	}
	golden(t, "tables.txt", []byte(b.String()))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "go test ./engine/plan/page -update writes it anew")
}

func TestPage_NeedsNothingFromOutside(t *testing.T) {
	text, err := Page(sample(), 0)
	require.NoError(t, err)
	page := string(text)
	assert.NotRegexp(t, regexp.MustCompile(`(?i)<script|<link|<img|<iframe|@import|url\(|<[^>]*\bsrc=|https?://`), page)
	assert.Contains(t, page, "default-src 'none'")
	assert.Contains(t, page, "&lt;script&gt;alert")
	assert.Contains(t, page, "&lt;img src=x&gt;")
	pictures := regexp.MustCompile(`(?s)<figure>.*?</figure>`).FindAllString(page, -1)
	assert.Len(t, pictures, 5)
	for _, p := range pictures {
		d := xml.NewDecoder(strings.NewReader(p))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, p)
		}
		assert.NotRegexp(t, `(width|height)="-`, p)
	}
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(`id="[^"]+"`).FindAllString(page, -1) {
		assert.False(t, seen[id], id)
		seen[id] = true
	}
}

func TestPage_OfNothing(t *testing.T) {
	text, err := Page(&plan.Report{Workflow: "w", LeadWord: "lead"}, 0)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "NaN")
	assert.True(t, bytes.HasSuffix(text, []byte("</html>\n")))
}
