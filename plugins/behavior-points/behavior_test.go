package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

const (
	point = int64(1000)
	day   = int64(86_400_000)
)

func host(t testing.TB, config string) *sdktest.Host {
	t.Helper()
	return sdktest.New(t, plugin, manifest, config)
}

// diags are the lint names that a configuration earns.
func diags(t *testing.T, config string) (names []string) {
	t.Helper()
	for _, d := range sdktest.Configure(t, plugin, manifest, config).Needs.Diags {
		names = append(names, d.Name)
	}
	return names
}

func rule(t *testing.T, h *sdktest.Host, name string) sdk.Rule {
	t.Helper()
	for _, r := range h.Needs.Rules {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no rule %q", name)
	return sdk.Rule{}
}

const email = `{"class": [{"label": "mail", "events": {
	"Email Opened": 5, "Email Link Clicked": 10, "Webinar Registered": 20, "Resource Downloaded": 10, "Discount Claimed": 5}}]}`

func TestBehaviorPoints_R000_01_R000_05_EmailEngagement(t *testing.T) {
	h := host(t, email)
	sum := int64(0)
	for name, want := range map[string]int64{"Email Opened": 5, "Email Link Clicked": 10, "Webinar Registered": 20, "Resource Downloaded": 10, "Discount Claimed": 5} {
		got := h.Play(sdktest.Event{Name: name})
		require.Equal(t, want*point, got.Points("mail/"+name))
		require.Len(t, got.Entries, 1)
		sum += got.Sum()
	}
	require.Equal(t, 50*point, sum, "000-07: the five positives")
	require.Empty(t, h.Play(sdktest.Event{Name: "email opened"}).Entries, "event names are exact")
}

func TestBehaviorPoints_R002_08_OnePageAwardsTheFirstMatch(t *testing.T) {
	h := host(t, `{"class": [
		{"label": "product", "pages": {"/product/tour": 15, "/product/*": 10}},
		{"label": "reading", "pages": {"/": 1, "/blog/*": 1, "/learn/*": 2}}]}`)
	for path, want := range map[string]int64{"/product/tour": 15, "/product/x/y": 10, "/product": 10, "/": 1, "/blog": 1, "/blog/a": 1, "/learn/b": 2, "/careers": 0} {
		got := h.Play(sdktest.Event{Path: path, Name: "Page"})
		require.Equal(t, want*point, got.Sum(), path)
		if want > 0 {
			require.Equal(t, path, got.Entries[0].Label)
		}
	}
}

func TestBehaviorPoints_EachClassAwardsOnItsOwn(t *testing.T) {
	h := host(t, `{"class": [
		{"label": "a", "events": {"X": 1}, "pages": {"/p": 2}},
		{"label": "b", "events": {"X*": 3}},
		{"label": "c", "all": true, "events": {"X": 4, "X*": 5}, "pages": {"/p": 6}}]}`)
	require.Equal(t, []string{"a/X", "b/X*", "c/X", "c/X*", "c//p"}, h.Play(sdktest.Event{Name: "X", Path: "/p"}).Rules())
	require.Equal(t, []string{"a//p", "c//p"}, h.Play(sdktest.Event{Name: "Page", Path: "/p"}).Rules())
}

// TestBehaviorPoints_SharedColumns: whichever group a pattern stands in, and in
// whatever order, each group awards its own first match.
// TestBehaviorPoints_TooManyPairs: without the table of pairs the same comes out.
func TestBehaviorPoints_TooManyPairs(t *testing.T) {
	var events, pages []string
	for i := range 150 {
		events, pages = append(events, fmt.Sprintf(`"E%d": 1`, i)), append(pages, fmt.Sprintf(`"/p%d": 2`, i))
	}
	lines := fmt.Sprintf(`"events": {%s}, "pages": {%s}`, strings.Join(events, ", "), strings.Join(pages, ", "))
	h := host(t, fmt.Sprintf(`{"class": [{"label": "a", %s}, {"label": "b", "all": true, "where": "ok", %s}]}`, lines, lines))
	ok := map[string]any{"ok": true}
	require.Equal(t, []string{"a/E7", "b/E7", "b//p8"}, h.Play(sdktest.Event{Name: "E7", Path: "/p8", Exprs: ok}).Rules())
	require.Equal(t, []string{"a/E7"}, h.Play(sdktest.Event{Name: "E7", Path: "/p8"}).Rules())
	require.Equal(t, []string{"a//p8"}, h.Play(sdktest.Event{Name: "Page", Path: "/p8"}).Rules())
}

func TestBehaviorPoints_SharedColumns(t *testing.T) {
	texts := []string{"/", "/a", "/a/b", "/a/b/c", "/ab", "/b", "*", "/*", "/a*", "/a/*", "/a/b*", "/a/b/*", "/ab*", "/b/*"}
	rapid.Check(t, func(r *rapid.T) {
		var groups [][]string
		var blocks []string
		for g := range rapid.IntRange(1, 4).Draw(r, "groups") {
			patterns := rapid.SliceOfNDistinct(rapid.SampledFrom(texts), 1, 5, rapid.ID[string]).Draw(r, "patterns")
			groups = append(groups, patterns)
			var keys []string
			for _, p := range patterns {
				keys = append(keys, fmt.Sprintf("%q: 1", p))
			}
			blocks = append(blocks, fmt.Sprintf(`{"label": "g%d", "pages": {%s}}`, g, strings.Join(keys, ", ")))
		}
		h := host(t, `{"class": [`+strings.Join(blocks, ", ")+`]}`)
		path := rapid.SampledFrom([]string{"/", "/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/bc", "/ab", "/abc", "/b", "/b/x", "x"}).Draw(r, "path")
		var want []string
		for g, patterns := range groups {
			if i := slices.IndexFunc(patterns, func(p string) bool { return abi.MatchGlob(p, path) }); i >= 0 {
				want = append(want, fmt.Sprintf("g%d/%s", g, patterns[i]))
			}
		}
		require.Equal(r, want, h.Play(sdktest.Event{Name: "Page", Path: path}).Rules(), path)
	})
}

func TestBehaviorPoints_WhereMustBeKnownAndTrue(t *testing.T) {
	h := host(t, `{"class": [{"label": "m", "where": "ok", "events": {"X": 1}, "pages": {"/p": 2}}],
		"rule": [{"label": "any", "where": "ok", "points": 4}]}`)
	for worth, want := range map[any]int64{true: 5, false: 0, nil: 0} {
		got := h.Play(sdktest.Event{Name: "X", Exprs: map[string]any{"ok": worth}})
		require.Equal(t, want*point, got.Sum(), "%v", worth)
	}
}

// TestBehaviorPoints_WhereIsThereForAllThatReadIt: a condition that a line of a
// shared column and something else have in common is not gated.
func TestBehaviorPoints_WhereIsThereForAllThatReadIt(t *testing.T) {
	h := host(t, `{"class": [{"label": "all", "all": true, "where": "ok", "events": {"X": 1, "*Y*": 2}}],
		"stage": [{"label": "s", "where": "ok", "events": {"A": 1, "B": 2}, "bonus": {"1": 5}}]}`)
	ok := map[string]any{"ok": true}
	require.Equal(t, []string{"all/*Y*"}, h.Play(sdktest.Event{Name: "aYb", Exprs: ok}).Rules())
	require.Equal(t, []string{"all/X"}, h.Play(sdktest.Event{Name: "X", Exprs: ok}).Rules())
	require.Equal(t, []string{"s/A", "s/bonus 1"}, h.Play(sdktest.Event{Name: "A", Exprs: ok}).Rules())
	require.Equal(t, []string{"s/bonus 1"}, h.Play(sdktest.Event{Name: "other", Exprs: ok}).Rules(), "the host lets it award once")

	gated := host(t, `{"rule": [{"label": "r", "event": ["X", "Z"], "page": "/p/*", "where": "ok", "points": 1}]}`)
	require.Len(t, gated.Needs.Gates, 3)
	for _, e := range []sdktest.Event{{Name: "X", Exprs: ok}, {Name: "Page", Path: "/p/q", Exprs: ok}} {
		require.Equal(t, []string{"r"}, gated.Play(e).Rules())
	}
}

func TestBehaviorPoints_ScopesAreTheHosts(t *testing.T) {
	h := host(t, `{"class": [
		{"label": "a", "once": "asset per day", "cap": 30, "events": {"X": 1}, "pages": {"/p": 2}},
		{"label": "b", "once": "ever", "max": 3, "per": "7d", "events": {"X": -1.5}},
		{"label": "c", "once": "list_id and asset", "class": "other", "score": "total", "say": "why", "label_from": "asset", "events": {"X": 1}}]}`)
	a := rule(t, h, "a/X")
	require.Equal(t, sdk.ScopeOnce, a.Scope)
	require.Equal(t, []string{"asset"}, a.Keys)
	require.True(t, a.PerDay)
	require.True(t, a.Activity)
	require.Equal(t, 30*point, a.ClassCap)
	require.Equal(t, []string{"path"}, rule(t, h, "a//p").Keys, "a page is its own asset")
	b := rule(t, h, "b/X")
	require.Empty(t, b.Keys)
	require.Equal(t, uint32(3), b.MaxN)
	require.Equal(t, 7*day, b.Window)
	require.False(t, b.Activity, "negative scoring is no activity")
	require.Equal(t, int64(-1500), b.Max)
	c := rule(t, h, "c/X")
	require.Equal(t, []string{"list_id", "asset"}, c.Keys)
	require.Equal(t, []string{"other", "total", "why"}, []string{c.Class, c.Score, c.Template})
	got := h.Play(sdktest.Event{Name: "X", Props: map[string]any{"asset": "guide.pdf"}})
	require.Equal(t, "guide.pdf", got.Entries[2].Label)
}

func TestBehaviorPoints_R000_15_VisitTiers(t *testing.T) {
	h := host(t, `{"tier": [{"label": "visits", "of": "count.visits", "at": {"3": 5, "30": 20}}]}`)
	visit := func(n int) int64 {
		return h.Play(sdktest.Event{Name: "Visited", Exprs: map[string]any{"count.visits": n}}).Sum()
	}
	require.Zero(t, visit(2))
	require.Equal(t, 5*point, visit(3))
	require.Equal(t, 5*point, visit(29))
	require.Equal(t, 20*point, visit(30), "30 visits are worth 20 in all")
	require.Greater(t, visit(30), visit(3))
	require.Equal(t, sdk.ScopeOnce, rule(t, h, "visits/3").Scope, "so that each tier awards once")
	require.Equal(t, 15*point, rule(t, h, "visits/30").Max)
	require.Equal(t, []string{"tier-order"}, diags(t, `{"tier": [{"label": "v", "of": "n", "at": {"3": 5, "30": 5}}]}`))
	require.Equal(t, []string{"threshold", "empty"}, diags(t, `{"tier": [{"label": "v", "of": "n", "at": {"x": 5}}]}`))
}

func TestBehaviorPoints_TierOverACounter(t *testing.T) {
	h := host(t, `{"tier": [{"label": "visits", "counter": "visits", "again": "30d", "at": {"3": 5}}]}`)
	require.Zero(t, h.Play(sdktest.Event{Name: "Visited", Counters: map[string]int64{"visits": 2}}).Sum())
	require.Equal(t, 5*point, h.Play(sdktest.Event{Name: "Visited", Counters: map[string]int64{"visits": 3}}).Sum())
	r := rule(t, h, "visits/3")
	require.Equal(t, sdk.ScopeEvery, r.Scope)
	require.Equal(t, []any{uint32(1), 30 * day}, []any{r.MaxN, r.Window})
}

const stages = `{"stage": [
	{"label": "1", "events": {"Social Followed": 1, "Newsletter Subscribed": 2}},
	{"label": "2", "events": {"Webinar Attended": 3, "Report Downloaded": 4}, "bonus": {"2": 5, "3": 10}}%s]}`

func TestBehaviorPoints_R003_05_R003_08_StagesAreMonotone(t *testing.T) {
	h := host(t, fmt.Sprintf(stages, ""))
	require.Equal(t, 2*point, h.Play(sdktest.Event{Name: "Newsletter Subscribed"}).Sum())
	require.Equal(t, 3*point, h.Play(sdktest.Event{Name: "Webinar Attended"}).Sum())
	require.Equal(t, []string{"stage-order"}, diags(t, fmt.Sprintf(stages, `, {"label": "3", "events": {"Demo": 9, "Trial": 4}}`)))
	require.Empty(t, diags(t, fmt.Sprintf(stages, `, {"label": "3", "events": {"Demo": 9, "Trial": 4.001}}`)))
}

func TestBehaviorPoints_R003_09_BonusForHowMany(t *testing.T) {
	h := host(t, fmt.Sprintf(stages, ""))
	require.Equal(t, 3*point, h.Play(sdktest.Event{Name: "Webinar Attended"}).Sum())
	require.Equal(t, (3+5)*point, h.Play(sdktest.Event{Name: "Webinar Attended"}).Sum())
	require.Equal(t, (4+10)*point, h.Play(sdktest.Event{Name: "Report Downloaded"}).Sum(), "the second line is refused by the host: once")

	h = host(t, `{"stage": [{"label": "2", "once": "asset per day", "max": 1, "per": "7d", "events": {"Webinar Attended": 3}, "bonus": {"2": 5}}]}`)
	bonus := rule(t, h, "2/bonus 2")
	require.Equal(t, []any{sdk.ScopeOnce, []string(nil), false, uint32(0), int64(0)}, []any{bonus.Scope, bonus.Keys, bonus.PerDay, bonus.MaxN, bonus.Window},
		"the bonus awards once for ever, whatever limits the behaviours have")

	h = host(t, `{"stage": [{"label": "2", "different": true, "events": {"Webinar Attended": 3}, "pages": {"/report": 4}, "bonus": {"2": 5}}]}`)
	h.Play(sdktest.Event{Name: "Webinar Attended"})
	require.Equal(t, 3*point, h.Play(sdktest.Event{Name: "Webinar Attended"}).Sum(), "the same kind twice is one behaviour")
	require.Equal(t, (4+5)*point, h.Play(sdktest.Event{Path: "/report"}).Sum())
}

func TestBehaviorPoints_R000_20_RatioOverASeries(t *testing.T) {
	h := host(t, `{"ratio": [{"label": "nurture", "of": "opened", "over": "delivered", "at_least": 0.8, "min": 3, "points": 10}]}`)
	for _, c := range []struct {
		opened, delivered any
		want              int64
	}{{2, 2, 0}, {3, 3, 10}, {4, 5, 10}, {3, 5, 0}, {nil, 5, 0}, {4, nil, 0}, {0, 0, 0}, {24, 30, 10}, {23, 30, 0}} {
		got := h.Play(sdktest.Event{Name: "Email Opened", Exprs: map[string]any{"opened": c.opened, "delivered": c.delivered}})
		require.Equal(t, c.want*point, got.Sum(), "%v of %v", c.opened, c.delivered)
	}
	require.Equal(t, []string{"ratio"}, diags(t, `{"ratio": [{"label": "n", "of": "a", "over": "b", "at_least": 80, "points": 1}]}`))
}

func TestBehaviorPoints_FirstTouch(t *testing.T) {
	h := host(t, `{"first": [
		{"label": "source", "where": "referral", "points": 10},
		{"label": "webinar", "event": "Webinar *", "points": 7}]}`)
	referral := map[string]any{"referral": true}
	require.Zero(t, h.Play(sdktest.Event{Kind: "identify", Exprs: referral}).Points("source"), "facts are no touch")
	require.Equal(t, []string{"source"}, h.Play(sdktest.Event{Name: "Visited", Exprs: referral}).Rules())
	require.Equal(t, []string{"webinar"}, h.Play(sdktest.Event{Name: "Webinar Joined", Exprs: referral}).Rules())
	require.Empty(t, h.Play(sdktest.Event{Name: "Visited", Exprs: referral}).Rules())
}

func TestBehaviorPoints_RuleWithSeveralEventsAndPages(t *testing.T) {
	h := host(t, `{"rule": [{"label": "offer", "event": ["Offer Clicked", "Promo*"], "page": "/pricing", "points": 30}]}`)
	for _, e := range []sdktest.Event{{Name: "Offer Clicked"}, {Name: "Promo 7"}, {Name: "Pricing", Path: "/pricing"}} {
		require.Equal(t, 30*point, h.Play(e).Points("offer"))
	}
	require.Empty(t, h.Play(sdktest.Event{Name: "Other"}).Entries)
	require.Equal(t, []string{"unconditional"}, diags(t, `{"rule": [{"label": "x", "points": 1}]}`))
	require.Equal(t, []string{"duplicate"}, diags(t, `{"rule": [{"label": "x", "event": "A", "points": 1}, {"label": "x", "event": "B", "points": 1}]}`))
	require.Equal(t, []string{"empty"}, diags(t, `{"class": [{"label": "x"}]}`))
	require.Equal(t, []string{"cap"}, diags(t, `{"rule": [{"label": "x", "class": "c", "cap": 5, "event": "A", "points": 1}, {"label": "y", "class": "c", "cap": 6, "event": "B", "points": 1}]}`))
}

func TestBehaviorPoints_TimersAndProbesAwardNothing(t *testing.T) {
	h := host(t, `{"rule": [{"label": "any", "where": "true", "points": 1}]}`)
	require.Empty(t, h.Probe(day).Entries)
	require.NotEmpty(t, h.Play(sdktest.Event{Name: "X"}).Entries)
}

func TestBehaviorPoints_FullRingResumes(t *testing.T) {
	h := host(t, email)
	h.Room = 3
	var round []sdktest.Event
	for i := range 20 {
		round = append(round, sdktest.Event{Lead: fmt.Sprint(i), Name: "Email Opened"})
	}
	for _, out := range h.Round(round...) {
		require.Equal(t, 5*point, out.Sum())
		require.Equal(t, abi.EntryAward, out.Entries[0].Kind)
	}
}

func TestBehaviorPoints_ScoringAllocatesNothing(t *testing.T) {
	h := host(t, fmt.Sprintf(stages, ""))
	require.Zero(t, testing.AllocsPerRun(100, h.Replay(sdktest.Event{Name: "Webinar Attended"}, sdktest.Event{Lead: "b", Path: "/x"})))
}

func BenchmarkScore(b *testing.B) {
	var round []sdktest.Event
	for i := range 1000 {
		round = append(round, sdktest.Event{Lead: fmt.Sprint(i), Name: "Email Opened"})
	}
	score := host(b, email).Replay(round...)
	b.ReportAllocs()
	for b.Loop() {
		score()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(round)), "ns/event")
}
