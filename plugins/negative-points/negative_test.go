package main

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

const (
	day   = int64(86_400_000)
	start = 20_000 * day
	point = int64(1000)
)

func host(t testing.TB, config string) *sdktest.Host {
	t.Helper()
	return sdktest.New(t, plugin, manifest, config)
}

func diags(t *testing.T, config string) (names []string) {
	t.Helper()
	for _, d := range sdktest.Configure(t, plugin, manifest, config).Needs.Diags {
		names = append(names, d.Name)
	}
	return names
}

func TestNegativePoints_R001_05_EventsAndPagesSubtract(t *testing.T) {
	h := host(t, `{"score": "recent", "once": "day", "events": {"Email Bounced": -20, "Unsubscribed": -10}, "pages": {"/careers*": -10}}`)
	require.Equal(t, -20*point, h.Play(sdktest.Event{Name: "Email Bounced"}).Points("events/Email Bounced"))
	require.Equal(t, -10*point, h.Play(sdktest.Event{Name: "Unsubscribed"}).Sum())
	require.Equal(t, -10*point, h.Play(sdktest.Event{Path: "/careers/berlin"}).Points("pages//careers*"))
	require.Empty(t, h.Play(sdktest.Event{Path: "/pricing"}).Entries)
	for _, r := range h.Needs.Rules {
		require.Equal(t, "recent", r.Score)
		require.False(t, r.Activity, "negative scoring is no activity of the lead")
		require.True(t, r.PerDay)
	}
	require.Equal(t, []string{"sign"}, diags(t, `{"events": {"Email Opened": 5}}`))
}

const mails = `{"ignored": [{"label": "emails", "delivered": "Email Delivered", "answers": ["Email Opened", "Email Link Clicked"],
	"more_than": 3, "points": -25, "answer_within": "%s"}]}`

func TestNegativePoints_R000_06_MoreThanThreeUnansweredWithoutGrace(t *testing.T) {
	h := host(t, fmt.Sprintf(mails, "0s"))
	for i, want := range []int64{0, 0, 0, -25, 0, 0} {
		got := h.Play(sdktest.Event{Name: "Email Delivered", At: start + int64(i)})
		require.Equal(t, want*point, got.Sum(), "e-mail %d", i+1)
	}
	require.Empty(t, h.Play(sdktest.Event{Name: "Email Opened", At: start + 10}).Entries)
	for i, want := range []int64{0, 0, 0, -25, 0} {
		require.Equal(t, want*point, h.Play(sdktest.Event{Name: "Email Delivered", At: start + 20 + int64(i)}).Sum(), "an answer starts the count again")
	}
}

func TestNegativePoints_R000_06_AnAnswerResetsTheCount(t *testing.T) {
	for _, answer := range []string{"Email Opened", "Email Link Clicked"} {
		h := host(t, fmt.Sprintf(mails, "0s"))
		for i, name := range []string{"Email Delivered", "Email Delivered", "Email Delivered", answer, "Email Delivered", "Email Delivered", "Email Delivered"} {
			require.Empty(t, h.Play(sdktest.Event{Name: name, At: start + int64(i)}).Entries)
		}
		require.Equal(t, -25*point, h.Play(sdktest.Event{Name: "Email Delivered", At: start + 9}).Sum())
	}
}

func TestNegativePoints_R000_06_GraceOfThreeDays(t *testing.T) {
	deliver := func(h *sdktest.Host, n int) {
		for i := range n {
			require.Empty(t, h.Play(sdktest.Event{Name: "Email Delivered", At: start + int64(i)}).Entries)
		}
	}
	t.Run("unanswered", func(t *testing.T) {
		h := host(t, fmt.Sprintf(mails, "3d"))
		deliver(h, 4)
		require.Equal(t, start+3+3*day, h.Wake("lead"), "three days from the fourth")
		require.Empty(t, h.Advance("lead", start+2+3*day).Entries)
		require.Equal(t, -25*point, h.Advance("lead", start+3+3*day).Points("ignored/emails"))
		require.Empty(t, h.Play(sdktest.Event{Name: "Email Delivered", At: start + 9*day}).Entries, "not again on the fifth")
		require.Empty(t, h.Advance("lead", start+99*day).Entries)
	})
	t.Run("three only", func(t *testing.T) {
		h := host(t, fmt.Sprintf(mails, "3d"))
		deliver(h, 3)
		require.Empty(t, h.Advance("lead", start+99*day).Entries)
	})
	t.Run("answered in time", func(t *testing.T) {
		h := host(t, fmt.Sprintf(mails, "3d"))
		deliver(h, 5)
		require.Empty(t, h.Play(sdktest.Event{Name: "Email Opened", At: start + 3*day}).Entries)
		require.Empty(t, h.Advance("lead", start+99*day).Entries)
	})
	t.Run("told of too late", func(t *testing.T) {
		h := host(t, fmt.Sprintf(mails, "3d"))
		h.Advance("lead", start+50*day)
		deliver(h, 3)
		require.Equal(t, -25*point, h.Play(sdktest.Event{Name: "Email Delivered", At: start + 3}).Sum(), "the grace is over already")
	})
}

func TestNegativePoints_R000_07_FourIgnoredCostHalfOfFifty(t *testing.T) {
	h := host(t, fmt.Sprintf(mails, "0s"))
	sum := 50 * point
	for i := range int64(4) {
		sum += h.Play(sdktest.Event{Name: "Email Delivered", At: start + i}).Sum()
	}
	require.Equal(t, 25*point, sum)
}

func TestNegativePoints_R000_08_ReversalNamesTheRuleOfAnotherStep(t *testing.T) {
	h := host(t, `{"reversal": [{"label": "unsubscribe", "event": "Unsubscribed", "of": "recent/newsletter/Newsletter Subscribed", "points": -10}]}`)
	foreign := h.Needs.Rules[0]
	require.Equal(t, []string{"recent", "newsletter/Newsletter Subscribed"}, []string{foreign.Step, foreign.Name})
	got := h.Play(sdktest.Event{Name: "Unsubscribed"})
	require.Len(t, got.Entries, 2)
	require.Equal(t, sdktest.Entry{Kind: abi.EntryVoid, Rule: foreign.Name, Step: "recent", Label: "Unsubscribed"}, got.Entries[0])
	require.Equal(t, sdktest.Entry{Kind: abi.EntryAward, Flags: abi.EntryElse, Rule: "reversal/unsubscribe", Milli: -10 * point, Label: "Unsubscribed"}, got.Entries[1])
	require.Empty(t, h.Play(sdktest.Event{Name: "Email Opened"}).Entries)

	require.Equal(t, []string{"reversal"}, diags(t, `{"reversal": [{"label": "u", "event": "U", "of": "recent"}]}`))
	require.Equal(t, []string{"reversal"}, diags(t, `{"reversal": [{"label": "u", "event": "U", "of": ["a/b", "a/c"], "points": -1}]}`))
}

func TestNegativePoints_R000_09_InactivityOncePerPeriod(t *testing.T) {
	h := host(t, `{"inactivity": [{"after": "90d", "points": -10, "most": 3}]}`)
	require.Empty(t, h.Play(sdktest.Event{Name: "Visited", At: start}).Entries)
	require.Empty(t, h.Advance("lead", start+90*day-1).Entries)
	require.Equal(t, -10*point, h.Advance("lead", start+90*day).Points("inactivity"))
	require.Empty(t, h.Advance("lead", start+180*day-1).Entries)
	require.Equal(t, -10*point, h.Advance("lead", start+180*day).Sum(), "once for each period")

	require.Empty(t, h.Play(sdktest.Event{Name: "Visited", At: start + 200*day}).Entries)
	require.Empty(t, h.Advance("lead", start+290*day-1).Entries, "activity starts the period again")
	require.Equal(t, -30*point, h.Advance("lead", start+9999*day).Sum(), "most = 3 periods in a row")
	require.Zero(t, h.Wake("lead"), "a lead that cannot change any more sleeps")
	require.True(t, h.Needs.Rules[0].Passive)
}

func TestNegativePoints_R000_09_OnceWithoutRepeat(t *testing.T) {
	h := host(t, `{"inactivity": [{"points": -10, "repeat": false}]}`)
	h.Play(sdktest.Event{Name: "Visited", At: start})
	require.Equal(t, -10*point, h.Advance("lead", start+900*day).Sum())
}

func TestNegativePoints_InactivityFollowsTheHostsActivity(t *testing.T) {
	h := host(t, `{"inactivity": [{"after": "10d", "points": -10}]}`)
	h.Play(sdktest.Event{Name: "Imported", At: start, Active: start - 100*day})
	require.Equal(t, start+1, h.Wake("lead"), "the time passed before the step existed: ask at once")
}

func TestNegativePoints_R000_21_HardBounceStops(t *testing.T) {
	h := host(t, `{"stop": [{"label": "bounced", "event": "Email Bounced", "where": "hard", "clear": "Email Changed", "points": -20}]}`)
	hard := map[string]any{"hard": true}
	require.False(t, h.Play(sdktest.Event{Name: "Email Opened"}).Has("bounced"))
	require.False(t, h.Play(sdktest.Event{Name: "Email Bounced"}).Has("bounced"), "unknown is not hard")
	got := h.Play(sdktest.Event{Name: "Email Bounced", Exprs: hard})
	require.True(t, got.Has("bounced"), "the flag is up for the very event")
	require.Equal(t, -20*point, got.Points("stop/bounced"))
	require.Empty(t, h.Play(sdktest.Event{Name: "Email Bounced", Exprs: hard}).Entries, "it is down already")
	require.True(t, h.Play(sdktest.Event{Name: "Email Opened"}).Has("bounced"), "the state keeps it")
	require.False(t, h.Play(sdktest.Event{Name: "Email Changed"}).Has("bounced"))
	require.False(t, h.Play(sdktest.Event{Name: "Email Opened"}).Has("bounced"))
}

func TestNegativePoints_R002_05_CompetitorsByConditionAndDomain(t *testing.T) {
	h := host(t, `{"match": [{"label": "competitor", "when": "rival", "points": -50}],
		"domains": [{"label": "rivals", "list": ["rival.com"], "points": -40}]}`)
	rival := map[string]any{"rival": true}
	require.Equal(t, []string{"match/competitor"}, h.Play(sdktest.Event{Name: "X", Exprs: rival}).Rules())
	require.Empty(t, h.Play(sdktest.Event{Name: "X", Exprs: rival}).Entries, "it stands, it does not add up")
	require.Empty(t, h.Play(sdktest.Event{Name: "X"}).Entries, "unknown changes nothing")
	got := h.Play(sdktest.Event{Name: "X", Exprs: map[string]any{"rival": false}})
	require.Equal(t, abi.EntryReplace, got.Entries[0].Kind)
	require.Zero(t, got.Sum(), "the line is taken back")

	for text, want := range map[string]int64{"a@rival.com": -40, "A@Mail.Rival.com": -40, "a@notrival.com": 0, "rival.com@x.org": 0} {
		h := host(t, `{"domains": [{"label": "rivals", "list": ["rival.com"], "points": -40}]}`)
		require.Equal(t, want*point, h.Play(sdktest.Event{Name: "X", Traits: map[string]any{"email": text}}).Sum(), text)
	}
	require.Equal(t, -40*point, h.Play(sdktest.Event{Name: "X", Account: map[string]any{"domain": "shop.rival.com"}}).Sum())
}

func TestNegativePoints_StateSurvivesANewConfiguration(t *testing.T) {
	old := host(t, `{"stop": [{"label": "a", "event": "A"}, {"label": "b", "event": "B"}]}`)
	old.Play(sdktest.Event{Name: "B"})
	var m memos
	m.load([]uint32{nameOf("stop", "new"), nameOf("stop", "b"), nameOf("stop", "x")}, old.State("lead"))
	require.Equal(t, []uint32{0, 1, 0}, []uint32{m.list[0].n, m.list[1].n, m.list[2].n})
	require.LessOrEqual(t, len(old.State("lead")), stateMax)
}

func TestNegativePoints_SleepingLeadsHaveNoState(t *testing.T) {
	h := host(t, fmt.Sprintf(mails, "3d"))
	h.Play(sdktest.Event{Name: "Visited", At: start})
	require.Empty(t, h.State("lead"))
	require.Zero(t, h.Wake("lead"))
	require.Empty(t, h.Probe(start).Entries)
}

func TestNegativePoints_TooManyBlocks(t *testing.T) {
	list := ""
	for i := range maxMemos + 1 {
		list += fmt.Sprintf(`,{"label": "s%d", "event": "A"}`, i)
	}
	require.Equal(t, []string{"duplicate"}, diags(t, `{"inactivity": [{"points": -1}, {"points": -2}]}`))
	require.Equal(t, []string{"limit"}, diags(t, `{"stop": [`+list[1:]+`]}`))
}

func TestNegativePoints_ScoringAllocatesNothing(t *testing.T) {
	h := host(t, `{"events": {"Email Bounced": -1}, "stop": [{"label": "b", "event": "Email Bounced", "points": -1}], "inactivity": [{"points": -10}]}`)
	h.Play(sdktest.Event{Name: "Visited", At: start})
	require.NotEmpty(t, h.State("lead"))
	require.Zero(t, testing.AllocsPerRun(100, h.Replay(sdktest.Event{Name: "Email Bounced", At: start + 1})))
}

func FuzzState(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{1, 255})
	f.Add(append([]byte{1, 1}, make([]byte, memoSize)...))
	f.Fuzz(func(t *testing.T, blob []byte) {
		var m memos
		m.load([]uint32{1, 2, 3}, blob)
		require.Equal(t, 3, m.count)
		for i := range 3 {
			require.Equal(t, uint32(i+1), m.list[i].name)
		}
	})
}
