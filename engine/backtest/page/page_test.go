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

	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/sheet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sampleReport is a report with something in each of its parts, and names that
// would break a page that does not escape them.
func sampleReport() *backtest.Report {
	var list []measure.Scored
	for i := range 60 {
		fate := measure.Lost
		if i%3 == 0 || i > 45 {
			fate = measure.Won
		}
		list = append(list, measure.Scored{Score: lead.FromPoints(int64(i)), Fate: fate})
	}
	auc := measure.AreaUnder(list)
	all := measure.Group{Leads: 60, Won: auc.Won, Lost: auc.Lost}
	rate := func(won, lost int) measure.Group {
		g := measure.Group{Leads: won + lost, Won: won, Lost: lost}
		g.Finish(&all)
		return g
	}
	at := []lead.Points{10_000, 30_000, 50_000}
	r := &backtest.Report{Workflow: `<script>alert("x")</script>`, Release: "r1", Score: "total", Sales: []string{"sales-handoff"}, AsOf: 1_767_225_600_000, Half: "both",
		Inputs: backtest.Tally{Events: 1234, Leads: 60, Won: auc.Won, Lost: auc.Lost, Behind: 3, Early: backtest.Named{Count: 1, Some: []string{"ann & bob"}}},
		Bad:    []backtest.BadOutcome{{Line: 7, Why: "found no lead"}}, Cautions: []string{"small sample"},
		AUC: auc, Handed: backtest.Handed{Group: rate(20, 10), Recall: 600},
		Rival:      &backtest.Rival{Name: "their score", Leads: 60, AUC: measure.AUC{}, Ours: auc},
		Thresholds: measure.Thresholds(list, at, at[1:2]), Curve: measure.ROC(list), Histogram: measure.Histogram(list),
		Grades:  []backtest.GradeRow{{Grade: "A", Group: rate(20, 20)}},
		Lines:   []backtest.LineRow{{Step: "fit", Rule: "role", Value: "<b>", Group: rate(3, 1), Times: 4, Each: 1500, ToWon: 4500}},
		Actions: []backtest.ActionRow{{Action: "Clicked <img src=x>", Times: 50, Group: rate(20, 15), OfLeads: 583, PerWin: 600}},
		Engagement: backtest.Engagement{Months: []backtest.MonthRow{{Month: "2025-12", Events: 10, Active: 5, New: 5, Low: 3}, {Month: "2026-01", Events: 20, Active: 6, New: 1, Growth: 200, GrowthKnown: true}},
			Classes: []backtest.ClassRow{{Class: "fit/reading", Each: 1500, Low: true, Awards: 40, Recent: 20, Before: 20, Group: rate(20, 20)}}, Active: 6, Quiet: 54},
		Inflation: backtest.Inflation{Old: 60 * 86_400_000, Above: []backtest.Inflated{{At: 30_000, Off: 9, ByOld: 4, WonOld: 1, Current: 5}}, Top: []backtest.Inflator{{Lead: "ann", Score: 100, Off: 50_000, Old: 900}}},
		Speed:     backtest.Speed{HandOffs: 2, Unanswered: 1, Spans: []backtest.Span{{Of: "first contact → decision", Count: 2, P50: 90_000, P90: 86_400_000, Max: 129_600_000, Few: true}}},
		WhatIfs:   []backtest.WhatIf{{Change: "as it is", AUC: auc, Handed: backtest.Handed{Group: rate(20, 10)}, Winners: 9}, {Change: "window 30d", AUC: auc, Handed: backtest.Handed{Group: rate(10, 10)}, Dropped: 10, Blank: 4, Winners: 9}},
		Suggestion: &backtest.Suggestion{Dir: "draft", Learnt: "first", Judged: "second", Leads: 60, Won: 30, Threshold: 20_000, Why: "so be it", Before: auc, After: auc,
			Features:   []backtest.Feature{{Name: "role", Kind: "values", Bins: []backtest.Bin{{Text: "boss", Leads: 30, Won: 20, Points: 12_000}, {Text: "(unknown)", Leads: 30, Won: 10}}}},
			Thresholds: measure.Thresholds(list, at, nil), Skipped: []string{"city: it is the same for nearly all leads"}, Cautions: []string{"few"}}}
	r.Tenths = measure.Tenths(list)
	return r
}

func TestPage_Golden(t *testing.T) {
	text, err := Page(sampleReport(), 15)
	require.NoError(t, err)
	golden(t, "report.html", text)
}

func TestTables_Golden(t *testing.T) {
	var b strings.Builder
	for _, table := range Tables(sampleReport(), 15) {
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
	require.Equal(t, string(want), string(got), "go test ./engine/backtest/page -update writes it anew")
}

func TestPage_NeedsNothingFromOutside(t *testing.T) {
	text, err := Page(sampleReport(), 15)
	require.NoError(t, err)
	page := string(text)
	assert.NotRegexp(t, regexp.MustCompile(`(?i)<script|<link|<img|<iframe|@import|url\(|<[^>]*\bsrc=|https?://`), page)
	assert.Contains(t, page, "default-src 'none'")
	assert.Contains(t, page, "prefers-color-scheme: dark")
	assert.Contains(t, page, "@media print")
	assert.Contains(t, page, "&lt;script&gt;alert")
	assert.Contains(t, page, "Clicked &lt;img src")
	assert.Contains(t, page, `href="#suggestion"`)
	wellFormed(t, page)
}

// wellFormed reads every picture as XML, and counts what is named twice.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	pictures := regexp.MustCompile(`(?s)<figure>.*?</figure>`).FindAllString(page, -1)
	require.GreaterOrEqual(t, len(pictures), 8)
	for _, p := range pictures {
		d := xml.NewDecoder(strings.NewReader(p))
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, p)
			el, ok := tok.(xml.StartElement)
			if !ok {
				continue
			}
			for _, a := range el.Attr {
				if a.Name.Local == "width" || a.Name.Local == "height" {
					require.NotContains(t, a.Value, "-", "%s of %s", a.Name.Local, el.Name.Local)
				}
			}
		}
	}
	ids := regexp.MustCompile(`id="[^"]+"`).FindAllString(page, -1)
	seen := map[string]bool{}
	for _, id := range ids {
		assert.False(t, seen[id], id)
		seen[id] = true
	}
}

func TestPage_OfNothing(t *testing.T) {
	text, err := Page(&backtest.Report{Workflow: "w", Half: "both"}, 0)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "NaN")
	assert.True(t, bytes.HasSuffix(text, []byte("</html>\n")))
}

func TestDuration(t *testing.T) {
	for ms, want := range map[int64]string{0: "0 ms", 999: "999 ms", 1000: "1 s", 90_000: "1.5 min", 3_600_000: "1 h", 86_400_000: "1 d", 129_600_000: "1.5 d"} {
		assert.Equal(t, want, sheet.Duration(ms))
	}
}

func TestWords(t *testing.T) {
	assert.Equal(t, []string{"0", "999", "1,000", "1,234,567", "-1,000"}, []string{sheet.Count(0), sheet.Count(999), sheet.Count(1000), sheet.Count(1_234_567), sheet.Count(-1000)})
	assert.Equal(t, []string{"–", "66.7 %", "1.05×", "9.5", "-2"}, []string{sheet.Mille(1, 0), sheet.Mille(667, 3), lift(105), tenth(9456), tenth(-2000)})
}
