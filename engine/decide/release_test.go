package decide

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// after is the same workflow under another release: other route ids and names,
// and a call for those that are very warm.
func (w *world) after() *Policy {
	p := *w.p
	p.Release = "r2"
	p.Routes = []Route{
		{ID: 11, Action: "sales", Name: "asked", Classes: []int{0}, When: w.p.Routes[0].When, Cooldown: 50},
		{ID: 12, Action: "call", Name: "hot", When: w.when("hot")},
		{ID: 13, Action: "sales", Name: "warmer", When: w.when("warmer"), Reset: w.when("cold"), Cooldown: 50},
		{ID: 4, Action: "nurture-again", Name: "cooled", When: w.when("was warm"), OnFall: true},
		{ID: 15, Action: "quietly", Name: "seen", When: w.when("seen"), Silent: true},
		{ID: 6, Action: "nurture", Name: "rest"},
	}
	p.Sales = []string{"sales", "call"}
	return &p
}

// hand makes the policy the one that decides about the lead, as if another
// lineage had been live and left before; own are the lead's marks under it.
func (w *world) hand(p *Policy, h Handover, own, before ledger.Marks) (Newly, []string) {
	w.t.Helper()
	was := w.p
	w.f.Now += 10
	w.f.Event, w.f.At = nil, w.f.Now
	h.Was, h.Before = was, &before
	h.Cause = lead.Cause{Kind: CauseRelease, Event: "2", At: w.f.Now}
	if h.Recall {
		h.Own = OpenActions(&own)
	}
	w.f.Acct.Marks = p.Inherit(&own, &before)
	w.f.Evaluate(w.values)
	found, list := p.Switch(&w.f, &h, nil)
	w.p = p
	var out []string
	for _, d := range list {
		assert.Equal(w.t, "release 2", causeText(d.Cause))
		out = append(out, d.Action+"/"+d.Route+"#"+string(rune('0'+d.Episode)))
	}
	return found, out
}

// inPlace is hand for the lead as it is.
func (w *world) inPlace(h Handover) (Newly, []string) {
	return w.hand(w.after(), h, w.f.Acct.Marks, w.f.Acct.Marks)
}

// timer lets the lead's time come.
func (w *world) timer(at int64) (out []lead.Decision) {
	w.f.Event, w.f.At, w.f.Now = nil, at, max(at, w.f.Now)
	w.f.Evaluate(w.values)
	return w.p.Decide(&w.f, lead.Cause{Kind: "timer", At: at}, nil)
}

func TestSwitch_WhatIsAnEdge(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before []string // true under the old release, with what was decided
		answer string
		true   []string // true under the new one
		want   []string
		newly  bool
	}{
		{name: "nothing changes", want: nil},
		{name: "newly true", true: []string{"warmer"}, want: []string{"sales/warmer#1"}, newly: true},
		{name: "the same action under another route", before: []string{"warm"}, true: []string{"warmer"}},
		{name: "the same action, closed: no edge", before: []string{"warm"}, answer: LeadRejected, true: []string{"warmer"}},
		{name: "another action, an open hand-off", before: []string{"warm"}, true: []string{"hot"}},
		{name: "another action, closed", before: []string{"warm"}, answer: LeadRejected, true: []string{"hot"}, want: []string{"call/hot#1"}, newly: true},
		{name: "no longer true, open: no nurture", before: []string{"warm"}},
		{name: "no longer true, closed: nurture is open since long", before: []string{"warm"}, answer: LeadLost},
		{name: "silent routes are no news", true: []string{"seen"}},
		{name: "suppressed", true: []string{"customer", "warmer"}},
		{name: "vetoed", true: []string{"competitor", "warmer"}},
		{name: "vetoed, the next route", true: []string{"competitor", "warmer", "hot"}, want: []string{"call/hot#1"}, newly: true},
		{name: "what falls at the switch is no fall", before: []string{"was warm"}},
		{name: "reset closes, and is no edge", before: []string{"warm"}, true: []string{"warmer", "cold"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.no("customer", "competitor", "warm", "was warm", "quiet", "awake", "hot", "warmer", "cold", "seen")
			w.look()
			if tc.before != nil {
				w.look(tc.before...)
			}
			if tc.answer != "" {
				w.answer(tc.answer)
			}
			w.no(tc.before...)
			for _, name := range tc.true {
				w.is[name] = lead.True
			}
			found, got := w.inPlace(Handover{})
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.newly, found.Route != nil)
			assert.Empty(t, w.look(), "and nothing more with the next look")
		})
	}
}

func TestSwitch_RestsAndCooldownsKeepTheEdge(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "hot", "warmer", "cold", "was warm", "quiet")
	w.look("warm")
	until := w.f.Now + 1000
	w.answer(LeadRecycled, lead.Prop{Name: "until", Value: lead.NumberOf(float64(until))})
	w.is["warmer"] = lead.True
	found, got := w.inPlace(Handover{})
	assert.Empty(t, got)
	assert.Nil(t, found.Route)
	assert.Equal(t, until, w.f.Acct.Marks.Resting, "sales' wish belongs to the workflow")
	w.f.Now = until
	assert.Equal(t, []string{"sales/warmer#2"}, w.look())
}

func TestSwitch_EpisodesComeFromTheLiveLineage(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "hot", "warmer", "cold", "was warm", "quiet")
	live := ledger.Marks{Seq: 7, Stage: "contacted", Matched: 3, Hands: 2, Silent: 5, Episodes: []ledger.Episode{
		{Action: "investigate", Number: 3, Route: 5}, {Action: "sales", Number: 4, Open: true, Route: 3, Opened: 1, Hands: 1, Last: [16]byte{9}}}}
	own := ledger.Marks{Seq: 2, Hands: 5, Matched: 13, Episodes: []ledger.Episode{{Action: "sales", Number: 1, Open: true, Route: 13}},
		Pending: []ledger.Pending{{Class: handClass, Since: 1, Hand: 5}}}
	w.is["warmer"] = lead.True
	found, got := w.hand(w.after(), Handover{}, own, live)
	assert.Empty(t, got, "sales has the lead")
	assert.Nil(t, found.Route)
	m := &w.f.Acct.Marks
	assert.Equal(t, []any{uint64(7), "contacted", uint64(5), int64(5)}, []any{m.Seq, m.Stage, m.Hands, m.Silent})
	require.Len(t, m.Episodes, 2)
	assert.Equal(t, uint32(4), m.Episodes[1].Number)
	assert.Equal(t, uint64(5), m.Episodes[1].Hands, "sales may know of every hand-raise before the switch")
	assert.Equal(t, uint32(13), m.Episodes[1].Route, "its route is gone: the first of the action that can close it")
	assert.Equal(t, uint32(5), m.Episodes[0].Route, "a closed one stays as it is")
	assert.Empty(t, w.look())
	w.raise(handClass)
	assert.Equal(t, []string{"sales-update/asked#4"}, w.look(), "a new hand-raise is an update of the open episode")
	w.is["cold"] = lead.True
	w.no("warmer")
	w.look()
	assert.False(t, IsOpen(m, "sales"), "and the new route closes it")
}

func TestSwitch_MarkOpensSilently(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "hot", "warmer", "cold", "was warm", "quiet")
	w.look()
	seq := w.f.Acct.Marks.Seq
	w.is["warmer"] = lead.True
	found, got := w.inPlace(Handover{OnRelease: Mark})
	assert.Empty(t, got)
	assert.Equal(t, "warmer", found.Route.Name, "it counts all the same")
	m := &w.f.Acct.Marks
	assert.True(t, IsOpen(m, "sales"))
	assert.Equal(t, uint32(1), episode(m, "sales").Number)
	assert.Equal(t, [16]byte{}, episode(m, "sales").Last)
	assert.Equal(t, seq, m.Seq)
	w.raise(handClass)
	assert.Equal(t, []string{"sales-update/asked#1"}, w.look())
	w.answer(LeadLost)
	w.no("warmer")
	w.look()
	w.f.Now += 50 // the cooldown
	assert.Equal(t, []string{"sales/warmer#2"}, w.look("warmer"), "the number is used")
}

func TestSwitch_DripWaitsForItsTurn(t *testing.T) {
	drip := func(t *testing.T) *world {
		w := newWorld(t)
		w.no("warm", "hot", "warmer", "cold", "was warm", "quiet")
		w.look()
		w.is["warmer"] = lead.True
		found, got := w.inPlace(Handover{OnRelease: Drip, Due: 1000})
		require.Empty(t, got)
		require.NotNil(t, found.Route)
		require.Empty(t, w.look(), "it is no edge before its turn")
		require.Equal(t, &ledger.Drip{Due: 1000, Route: 13, Release: "2"}, w.f.Acct.Marks.Drip)
		return w
	}
	t.Run("still true", func(t *testing.T) {
		w := drip(t)
		assert.Empty(t, w.timer(999))
		list := w.timer(1000)
		require.Len(t, list, 1)
		assert.Equal(t, "sales/warmer", list[0].Action+"/"+list[0].Route)
		assert.Equal(t, lead.Cause{Kind: CauseRelease, Event: "2", At: 1000}, list[0].Cause)
		assert.Nil(t, w.f.Acct.Marks.Drip)
		assert.Empty(t, w.look())
	})
	t.Run("no longer true", func(t *testing.T) {
		w := drip(t)
		w.no("warmer")
		w.look()
		assert.Nil(t, w.f.Acct.Marks.Drip)
		assert.Empty(t, w.timer(1000))
		assert.Equal(t, []string{"sales/warmer#1"}, w.look("warmer"), "a new edge is an edge")
	})
	t.Run("a hand-raise does not wait", func(t *testing.T) {
		w := drip(t)
		w.raise(handClass)
		assert.Equal(t, []string{"sales/asked#1"}, w.look())
		assert.Nil(t, w.f.Acct.Marks.Drip)
		assert.Empty(t, w.timer(1000))
	})
	t.Run("sales was faster", func(t *testing.T) {
		w := drip(t)
		w.answer(LeadAccepted)
		assert.Nil(t, w.f.Acct.Marks.Drip)
		assert.Empty(t, w.timer(1000))
	})
	t.Run("another release on the way", func(t *testing.T) {
		w := drip(t)
		_, got := w.inPlace(Handover{OnRelease: Drip, Due: 5000})
		assert.Empty(t, got)
		assert.Equal(t, int64(1000), w.f.Acct.Marks.Drip.Due, "it goes on waiting for its turn")
		assert.Len(t, w.timer(1000), 1)
	})
	t.Run("the turn is now", func(t *testing.T) {
		w := newWorld(t)
		w.no("warm", "hot", "warmer", "cold", "was warm", "quiet")
		w.look()
		w.is["warmer"] = lead.True
		_, got := w.inPlace(Handover{OnRelease: Drip, Due: w.f.Now + 10})
		assert.Equal(t, []string{"sales/warmer#1"}, got)
	})
	t.Run("a turn that cannot be looked at", func(t *testing.T) {
		w := drip(t)
		Undrip(&w.f.Acct.Marks)
		assert.Equal(t, []string{"sales/warmer#1"}, w.look())
	})
	t.Run("a raised hand that waits", func(t *testing.T) {
		w := newWorld(t)
		w.no("warm", "hot", "warmer", "cold", "was warm", "quiet", "competitor")
		w.look("competitor")
		w.raise(handClass)
		w.look()
		w.no("competitor")
		_, got := w.inPlace(Handover{OnRelease: Drip, Due: 1000})
		require.Empty(t, got)
		assert.Empty(t, w.look())
		w.raise(handClass)
		assert.Equal(t, []string{"sales/asked#1"}, w.look(), "asked again: at once")
	})
}

func TestSwitch_RecallTakesBackWhatTheRestoredLineageWouldNotHaveDone(t *testing.T) {
	told := [16]byte{1, 2, 3}
	for _, tc := range []struct {
		name   string
		opened int64
		last   [16]byte
		own    []ledger.Episode
		want   []string
		n      int
		open   bool
	}{
		{"it would not have", 100, told, nil, []string{"recall/warm#2"}, 1, false},
		{"it has it open too", 100, told, []ledger.Episode{{Action: "sales", Open: true}}, nil, 0, true},
		{"it had it once", 100, told, []ledger.Episode{{Action: "sales"}}, []string{"recall/warm#2"}, 1, false},
		{"before the release", 99, told, nil, nil, 0, true},
		{"nobody was told", 100, [16]byte{}, nil, nil, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.no("warm", "hot", "warmer", "cold", "was warm", "quiet")
			before := ledger.Marks{Matched: 6, Episodes: []ledger.Episode{{Action: "nurture", Number: 1, Open: true, Route: 6}, {Action: "sales", Number: 2, Open: true, Route: 3, Opened: tc.opened, Last: tc.last}}}
			found, got := w.hand(w.after(), Handover{Recall: true, Since: 100}, ledger.Marks{Episodes: tc.own}, before)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.n, found.Recalls)
			assert.Equal(t, tc.open, IsOpen(&w.f.Acct.Marks, "sales"))
		})
	}
	w := newWorld(t)
	before := ledger.Marks{Matched: 3, Episodes: []ledger.Episode{{Action: "sales", Number: 2, Open: true, Route: 3, Opened: 5, Last: told}}}
	p := w.after()
	w.f.Acct.Marks = p.Inherit(&ledger.Marks{}, &before)
	w.f.Now = 50
	w.f.Evaluate(w.values)
	_, list := p.Switch(&w.f, &Handover{Was: w.p, Before: &before, Recall: true, Cause: lead.Cause{Kind: CauseRelease, Event: "1", At: 50}}, nil)
	require.Len(t, list, 2)
	assert.Equal(t, hex.EncodeToString(told[:]), list[0].Recalls, "it names what it takes back")
	assert.Equal(t, "nurture", list[1].Action, "the lead has a place again")
	assert.Empty(t, list[1].Recalls)
}

func TestSwitch_ALeadThatTheLiveLineageNeverSaw(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "hot", "cold", "was warm", "quiet")
	w.is["warmer"] = lead.True
	p := w.after()
	own := ledger.Marks{Matched: 13, Seq: 3, Episodes: []ledger.Episode{{Action: "sales", Number: 2, Open: true, Route: 13}}}
	w.f.Acct.Marks = p.Inherit(&own, &ledger.Marks{})
	w.f.Evaluate(w.values)
	found, list := p.Switch(&w.f, &Handover{Before: &ledger.Marks{}}, nil)
	require.Len(t, list, 1)
	assert.Equal(t, "warmer", found.Route.Name)
	assert.Equal(t, uint32(1), list[0].Episode, "what it published as a shadow nobody saw")
	assert.Equal(t, uint64(1), list[0].Seq)
}

// A workflow that begins has told nobody of what its release found in history.
func TestSwitch_AWorkflowThatBegins(t *testing.T) {
	begin := func(w *world, h Handover) (Newly, []string) {
		own := w.f.Acct.Marks
		return w.hand(w.p, h, own, w.p.Begun(&own))
	}
	quiet := func(t *testing.T) *world {
		w := newWorld(t)
		w.no("customer", "competitor", "warm", "was warm", "quiet", "awake", "hot", "warmer", "cold", "seen")
		return w
	}
	t.Run("who stands true is newly true, as its first", func(t *testing.T) {
		w := quiet(t)
		w.look()
		require.NotEmpty(t, w.look("warm"))
		found, got := begin(w, Handover{})
		assert.Equal(t, []string{"sales/warm#1"}, got)
		assert.Equal(t, "warm", found.Route.Name)
		assert.Equal(t, uint64(1), w.f.Acct.Marks.Seq, "nobody has seen a decision before")
		assert.Empty(t, w.look())
	})
	t.Run("mark opens silently", func(t *testing.T) {
		w := quiet(t)
		w.look()
		w.look("warm")
		found, got := begin(w, Handover{OnRelease: Mark})
		assert.Empty(t, got)
		assert.NotNil(t, found.Route, "it counts all the same")
		assert.True(t, IsOpen(&w.f.Acct.Marks, "sales"))
		assert.Zero(t, w.f.Acct.Marks.Seq)
		assert.Empty(t, w.look())
	})
	t.Run("what sales has closed stays closed", func(t *testing.T) {
		w := quiet(t)
		w.look()
		w.look("warm")
		w.answer(LeadLost)
		found, got := begin(w, Handover{})
		assert.Empty(t, got)
		assert.Nil(t, found.Route)
		e := episode(&w.f.Acct.Marks, "sales")
		assert.Equal(t, []any{uint32(1), false, [16]byte{}}, []any{e.Number, e.Open, e.Last})
		assert.Empty(t, w.look())
	})
	t.Run("what is true no more is none", func(t *testing.T) {
		w := quiet(t)
		w.look()
		w.look("warm")
		w.no("warm")
		_, got := begin(w, Handover{})
		assert.Equal(t, []string{"nurture/rest#1"}, got, "and nurture, which the open hand-off kept away, has its turn")
		assert.Equal(t, []string{"sales/warm#1"}, w.look("warm"))
	})
}
