package backtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
)

// crowd is 40 leads that ask for a demo, of which 30 are won, and 40 that only
// open mails, of which 10 are.
func crowd() (s stream, outcomes []Outcome) {
	for i := range 80 {
		who := fmt.Sprintf("lead%02d", i)
		fate := lost(who, 20)
		name := "Email Opened"
		if i < 40 {
			name = "Demo Requested"
		}
		if i%40 < 10 || i < 30 {
			fate = won(who, 20)
		}
		s.track(who, name, 0)
		outcomes = append(outcomes, fate)
	}
	s.add(lead.Event{Kind: lead.Tick, At: start + 20*day})
	return s, outcomes
}

func TestReport_R000_14_VolumePerThreshold(t *testing.T) {
	s, outcomes := crowd()
	r := run(t, s.list, outcomes, Options{}).Report(Ask{Thresholds: []lead.Points{20_000, 0}})
	require.Len(t, r.Thresholds, 2)
	assert.Equal(t, []int{40, 30, 10, 750, 750, 150}, []int{r.Thresholds[0].Volume, r.Thresholds[0].Won, r.Thresholds[0].Lost, r.Thresholds[0].Precision, r.Thresholds[0].Recall, r.Thresholds[0].Lift})
	assert.Equal(t, []int{80, 40, 500, 1000, 100}, []int{r.Thresholds[1].Volume, r.Thresholds[1].Won, r.Thresholds[1].Precision, r.Thresholds[1].Recall, r.Thresholds[1].Lift})
	// 30 winners above 30 losers, 30 tied with 10, 10 tied with 30, 10 below 10.
	assert.InDelta(t, (900+150+150)/1600.0, r.AUC.Value, 0)
	assert.Equal(t, []int{40, 30, 750}, []int{r.Handed.Leads, r.Handed.Won, r.Handed.Rate}, "who asked was handed off")
	assert.Positive(t, len(run(t, s.list, outcomes, Options{}).Report(Ask{}).Thresholds), "without candidates some are proposed")
}

func TestReport_R001_06_ConversionRatePerAction(t *testing.T) {
	s, outcomes := crowd()
	s.track("lead00", "Demo Requested", 1).track("lead00", "Email Opened", 30)
	r := run(t, s.list, outcomes, Options{}).Report(Ask{})
	assert.Equal(t, []ActionRow{
		{Action: "Demo Requested", Times: 41, Group: measure.Group{Leads: 40, Won: 30, Lost: 10, Rate: 750, Lift: 150}, OfLeads: 500, PerWin: 750, LastSeen: start + day},
		{Action: "Email Opened", Times: 40, Group: measure.Group{Leads: 40, Won: 10, Lost: 30, Rate: 250, Lift: 50}, OfLeads: 500, PerWin: 250, LastSeen: start},
	}, r.Actions, "what lies behind an outcome is no action before it")
}

func TestReport_R000_19_AttributionAndSuggestedWeights(t *testing.T) {
	s, outcomes := crowd()
	g := run(t, s.list, outcomes, Options{})
	r := g.Report(Ask{})
	require.Len(t, r.Lines, 2)
	demo, mail := r.Lines[0], r.Lines[1]
	assert.Equal(t, []any{"behavior/demo", 40, 30, 50 * lead.Point}, []any{demo.Name(), demo.Leads, demo.Won, demo.Each})
	assert.Equal(t, 30*lead.Points(33_333), demo.ToWon, "after 20 of 60 days two thirds are left")
	assert.True(t, demo.Suggested && mail.Suggested)
	assert.Positive(t, demo.Suggest)
	assert.Negative(t, mail.Suggest, "who only opens mails is won less often")

	var paths []Path
	require.NoError(t, g.Paths(func(p *Path) error { paths = append(paths, *p); return nil }))
	require.Len(t, paths, 40, "each converted lead")
	assert.Equal(t, Path{Lead: "lead00", First: start, Won: start + 20*day, Score: 33_333, Steps: []Step{{Step: "behavior", Rule: "demo", Times: 1, Awarded: 50_000, Remaining: 33_333}},
		Actions: []Times{{"Demo Requested", 1, start}}}, paths[0])
}

func TestReport_R000_11_InflationByOldEvents(t *testing.T) {
	s := new(stream).track("old", "Demo Requested", 0).track("old", "Signed Up", 1).track("old", "Email Opened", 99).
		track("fresh", "Demo Requested", 90).track("fresh", "Signed Up", 99).track("half", "Signed Up", 0).track("half", "Downloaded", 99)
	g := run(t, s.list, []Outcome{lost("old", 100), won("fresh", 100)}, Options{AsOf: start + 100*day})
	f := g.Report(Ask{}).Inflation
	assert.Equal(t, 60*day, f.Old)
	assert.Equal(t, []int{1, 0, 1}, []int{f.Leads, f.Won, f.Lost}, "half of the points is not mostly")
	assert.Equal(t, []int{2, 1}, []int{f.Fresh.Leads, f.Fresh.Won})
	assert.Equal(t, []Inflated{{At: 60_000, Off: 2, ByOld: 1, WonOld: 0, Current: 0}}, f.Above, "with decay off old and fresh both have 60 points and more")
	require.Len(t, f.Top, 1)
	assert.Equal(t, []any{"old", 65 * lead.Point, 923}, []any{f.Top[0].Lead, f.Top[0].Off, f.Top[0].Old})
	assert.Less(t, f.Top[0].Score, 5*lead.Point)
}

// With decay off is what the core itself says under a decay of 270 years.
func TestReport_R000_11_WithDecayOff(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	names := []string{"Email Opened", "Email Delivered", "Signed Up", "Demo Requested", "Downloaded", "Logged In"}
	var s stream
	for range 800 {
		s.track(fmt.Sprint("lead", rng.IntN(40)), names[rng.IntN(len(names))], rng.Int64N(120))
	}
	fades := run(t, s.list, nil, Options{})
	stays := runKit(t, scoretest.Config{Window: 100_000}, s.list, nil, Options{})
	faded := 0
	for i := range fades.Cases {
		require.InDelta(t, float64(stays.Cases[i].Score), float64(fades.Cases[i].Bare), 2000, fades.Cases[i].Lead) // 120 of 100,000 days pass
		if fades.Cases[i].Score != fades.Cases[i].Bare {
			faded++
		}
	}
	assert.Greater(t, faded, 20)
}

func TestReport_R001_10_SpeedOfHandOff(t *testing.T) {
	s := new(stream).track("ann", "Email Opened", 0).track("ann", "Demo Requested", 2).track("ann", decide.LeadAccepted, 3).track("ann", decide.LeadContacted, 5).
		track("bob", decide.LeadAccepted, 1).track("bob", "Demo Requested", 4)
	g := run(t, s.list, []Outcome{won("ann", 12)}, Options{AsOf: start + 20*day})
	sp := g.Report(Ask{}).Speed
	assert.Equal(t, Speed{HandOffs: 2, Unanswered: 1, Spans: []Span{
		{Of: "first contact → decision", Count: 2, P50: 2 * day, P90: 3 * day, Max: 3 * day, Few: true},
		{Of: "event or timer → decision", Count: 2, Few: true},
		{Of: "decision → first answer of sales", Count: 1, P50: day, P90: day, Max: day, Few: true},
		{Of: "decision → outcome", Count: 1, P50: 10 * day, P90: 10 * day, Max: 10 * day, Few: true},
	}}, sp)
}

func TestReport_R002_13_LowValueEngagementIsRecorded(t *testing.T) {
	var s stream
	for d := range int64(70) {
		s.track("ann", "Email Opened", d)
		if d%10 == 0 {
			s.add(lead.Event{Lead: fmt.Sprint("guest", d), Kind: lead.Page, Path: "/blog", Name: "Blog", At: start + d*day})
		}
	}
	g := run(t, s.list, nil, Options{})
	e := g.Report(Ask{}).Engagement
	require.Len(t, e.Months, 3)
	assert.Equal(t, MonthRow{Month: "2026-01", Events: 35, Active: 5, New: 5, Low: 4, High: 8}, e.Months[0], "the class mail is capped at 40 points")
	assert.Equal(t, []any{"2026-02", 30, 3, 2, -400, true}, []any{e.Months[1].Month, e.Months[1].Events, e.Months[1].Active, e.Months[1].New, e.Months[1].Growth, e.Months[1].GrowthKnown})
	assert.Equal(t, []int{4, 4}, []int{e.Active, e.Quiet}, "guests of the last 30 days and ann; those before")
	require.Len(t, e.Classes, 2)
	assert.Equal(t, []any{"behavior/visit", lead.Point, true, 7, 7}, []any{e.Classes[0].Class, e.Classes[0].Each, e.Classes[0].Low, e.Classes[0].Awards, e.Classes[0].Leads})
	assert.Equal(t, []any{"behavior/mail", 5 * lead.Point, false, 8, 1}, []any{e.Classes[1].Class, e.Classes[1].Each, e.Classes[1].Low, e.Classes[1].Awards, e.Classes[1].Leads})
	assert.Equal(t, []int{3, 3}, []int{e.Classes[0].Recent, e.Classes[0].Before}, "visits of the last 30 days, and of the 30 before")
}

func TestReport_IsTheSameEachTime(t *testing.T) {
	s, outcomes := crowd()
	one, err := json.Marshal(run(t, s.list, outcomes, Options{}).Report(Ask{}))
	require.NoError(t, err)
	for range 5 {
		two, err := json.Marshal(run(t, s.list, outcomes, Options{}).Report(Ask{}))
		require.NoError(t, err)
		require.Equal(t, string(one), string(two))
	}
}

func TestMonthNumber(t *testing.T) {
	for ms, want := range map[int64]int32{0: 1970 * 12, start: 2026 * 12, start - 1: 2025*12 + 11, start + 58*day: 2026*12 + 1, start + 59*day: 2026*12 + 2, -1: 1969*12 + 11} {
		assert.Equal(t, want, monthNumber(ms), ms)
	}
}
