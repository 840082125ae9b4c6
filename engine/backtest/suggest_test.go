package backtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow"
)

// market is a market in which bosses with few employees buy, and who clicks
// does, too; the city says nothing.
func market(n int) (s stream, outcomes []Outcome) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		who := fmt.Sprintf("lead%04d", i)
		odds := -1.0
		traits := lead.Props{{Name: "city", Value: lead.StringOf([]string{"Rome", "Oslo"}[rng.IntN(2)])}}
		if rng.IntN(2) == 0 {
			traits = append(traits, lead.Prop{Name: "role", Value: lead.StringOf([]string{"Boss", "boss"}[rng.IntN(2)])})
			odds += 2
		} else if rng.IntN(2) == 0 {
			traits = append(traits, lead.Prop{Name: "role", Value: lead.StringOf("clerk")})
		}
		size := float64(rng.IntN(1000))
		if size < 500 {
			odds += 2
		}
		traits = append(traits, lead.Prop{Name: "size of firm", Value: lead.NumberOf(size)}, lead.Prop{Name: "vip", Value: lead.BoolOf(rng.IntN(4) == 0)})
		s.add(lead.Event{Lead: who, Kind: lead.Identify, Traits: traits.Sort(), At: start})
		if rng.IntN(3) == 0 {
			s.track(who, "Link ${x} Clicked", 0)
			odds++
		}
		if rng.IntN(30) == 0 {
			s.track(who, "Demo Requested", 1)
		}
		o := lost(who, 9)
		if rng.Float64() < 1/(1+math.Exp(-odds)) {
			o.Fate = measure.Won
		}
		outcomes = append(outcomes, o)
	}
	s.add(lead.Event{Kind: lead.Tick, At: start + 9*day})
	return s, outcomes
}

func pointsOf(t *testing.T, s *Suggestion, feature, bin string) lead.Points {
	t.Helper()
	for i := range s.Features {
		if s.Features[i].Name == feature {
			for _, b := range s.Features[i].Bins {
				if b.Text == bin {
					return b.Points
				}
			}
		}
	}
	require.Fail(t, "no such answer", "%s: %s", feature, bin)
	return 0
}

func TestSuggest_R000_19_FindsWhatTellsLeadsApart(t *testing.T) {
	list, outcomes := market(4000)
	g := run(t, list.list, outcomes, Options{Facts: true, Half: First})
	s, err := g.Suggest(nil)
	require.NoError(t, err)
	// Two units of log odds are 28.9 points, one is 14.4.
	assert.InDelta(t, 29, float64(pointsOf(t, s, "role", "Boss")-pointsOf(t, s, "role", "clerk"))/1000, 5)
	assert.InDelta(t, 29, float64(pointsOf(t, s, "size of firm", s.Features[2].Bins[0].Text)-pointsOf(t, s, "size of firm", s.Features[2].Bins[len(s.Features[2].Bins)-2].Text))/1000, 10)
	assert.InDelta(t, 14, float64(pointsOf(t, s, "Link ${x} Clicked", "Link ${x} Clicked"))/1000, 4)
	assert.InDelta(t, 0, float64(pointsOf(t, s, "city", "Rome")-pointsOf(t, s, "city", "Oslo"))/1000, 4, "what says nothing is worth nothing")
	for _, f := range s.Features {
		least := lead.MaxPoints
		for _, b := range f.Bins {
			assert.Zero(t, b.Points%lead.Point, "whole points")
			least = min(least, b.Points)
		}
		assert.True(t, f.Action() || least == 0, "the worst answer to %s is worth 0", f.Name)
	}
	again, err := run(t, list.list, outcomes, Options{Facts: true, Half: First}).Suggest(nil)
	require.NoError(t, err)
	assert.Equal(t, string(s.Source("m", "")), string(again.Source("m", "")))
	half := len(g.handed)
	assert.InDelta(t, half, float64(volume(g, s)), float64(half)/2+50, "about as many are handed off as before")
}

// volume counts the leads learnt from that reach the suggested threshold.
func volume(g *Gatherer, s *Suggestion) (n int) {
	l := &learner{g: g, out: s.Features}
	for i := range g.Cases {
		if l.total(&g.Cases[i]) >= s.Threshold {
			n++
		}
	}
	return n
}

func TestSuggest_TheDraftIsFormattedAndEscaped(t *testing.T) {
	list, outcomes := market(2000)
	g := run(t, list.list, outcomes, Options{Facts: true})
	s, err := g.Suggest([]string{"city"})
	require.NoError(t, err)
	src := s.Source(`my "flow"`, "prospect")
	assert.True(t, IsDraft(src))
	assert.False(t, IsDraft([]byte("workflow")))
	assert.Equal(t, string(hclwrite.Format(src)), string(src))
	_, diags := hclwrite.ParseConfig(src, "x", hcl.InitialPos)
	require.Empty(t, diags)
	for _, want := range []string{`workflow "my \"flow\"" {`, `lead    = "prospect"`, `of = trait["size of firm"]`, `"Link $${x} Clicked" =`, `class "asked" {`, `when = pending("asked")`,
		`when    = trait.vip`, `criterion "role" {`, `route "nurture" "rest" { default = true }`} {
		assert.Contains(t, string(src), want)
	}
	assert.NotContains(t, string(src), "city")
}

func TestSuggest_RefusesToGuess(t *testing.T) {
	list, outcomes := market(60)
	for i := range outcomes {
		outcomes[i].Fate = measure.Won
	}
	_, err := run(t, list.list, outcomes, Options{Facts: true}).Suggest(nil)
	assert.ErrorContains(t, err, "found 60 won and 0 lost leads to learn from, expected at least 30 of each")
	list, outcomes = market(400)
	g := run(t, list.list, outcomes, Options{Facts: true})
	_, err = g.Suggest([]string{"shoe size"})
	assert.ErrorContains(t, err, `--without "shoe size": no lead has a trait of this name`)
	s, err := g.Suggest(nil)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(s.Cautions, ""), "fewer than 10 for each answer")
}

func TestSetWindow(t *testing.T) {
	src := []byte("step \"decay\" \"a\" {\n  of = \"x\"\n  window = \"60d\"\n}\nstep \"decay\" \"b\" {\n  of    = \"y\"\n  curve = \"step\"\n  steps = { \"30d\" = 50 }\n}\nstep \"behavior-points\" \"x\" {}\n")
	out, n, err := SetWindow(src, "30d")
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Equal(t, "step \"decay\" \"a\" {\n  of     = \"x\"\n  window = \"30d\"\n}\nstep \"decay\" \"b\" {\n  of     = \"y\"\n  window = \"30d\"\n}\nstep \"behavior-points\" \"x\" {}\n", string(out))
	out, n, err = SetWindow(src, "off")
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Equal(t, "step \"behavior-points\" \"x\" {}", strings.TrimSpace(string(out)))
	_, _, err = SetWindow([]byte("{"), "off")
	assert.Error(t, err)
}

func TestSetThreshold(t *testing.T) {
	src := `route "sales-handoff" "a" { when = grade != "D" && total >= 50 && other.total > 3 }
route "sales-handoff" "b" { when = pending("asked") }
route "nurture" "c" { when = total >= 10 }
label "hot" { when = total >= 50 }
`
	out, n, err := SetThreshold([]byte(src), []string{"sales-handoff"}, "total", 40_500)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, strings.Replace(src, "total >= 50 &&", "total >= 40.5 &&", 1), string(workflow.Format(out)))
}
