package decide

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// checkTold compares what Tell said before a look with what was decided.
func (w *world) checkTold(s *Story, list []lead.Decision) {
	w.t.Helper()
	fires := ""
	for i := range s.Routes {
		switch t := &s.Routes[i]; {
		case t.Turn == TurnFires && !t.Silent:
			assert.Empty(w.t, fires, "one route fires at most")
			fires = t.Action + "/" + t.Name
			if assert.NotEmpty(w.t, list, "%s was told to fire", fires) {
				assert.Equal(w.t, t.Action, list[0].Action)
				assert.Equal(w.t, t.Name, list[0].Route)
				assert.Equal(w.t, t.Number, list[0].Episode)
			}
		case t.Turn == TurnUpdates:
			fires = t.Action + "/" + t.Name
			if assert.NotEmpty(w.t, list) {
				assert.Equal(w.t, UpdateAction, list[0].Action)
				assert.Equal(w.t, t.Number, list[0].Episode)
			}
		}
	}
	if fires == "" {
		assert.Empty(w.t, list, "nothing was told to fire")
	}
}

// turn is what Tell says of a route now.
func (w *world) turn(route string) *Told {
	w.t.Helper()
	w.f.Evaluate(w.values)
	s := w.p.Tell(&w.f)
	for i := range s.Routes {
		if s.Routes[i].Name == route {
			return &s.Routes[i]
		}
	}
	require.Fail(w.t, "no such route", route)
	return nil
}

func TestTell_WhyNot(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, TurnUnknown, w.turn("warm").Turn)
	assert.Equal(t, TurnFires, w.turn("rest").Turn)
	w.no("warm")
	w.look()
	assert.Equal(t, TurnFalse, w.turn("warm").Turn)
	assert.Equal(t, Turn("episode-open"), w.turn("rest").Turn)

	require.Equal(t, []string{"sales/warm#1"}, w.look("warm")) // 20
	open := w.turn("warm")
	assert.Equal(t, TurnOpen, open.Turn)
	assert.EqualValues(t, 20, open.Since)
	assert.Equal(t, "warm", open.By)
	rest := w.turn("rest")
	assert.Equal(t, TurnEarlier, rest.Turn)
	assert.Equal(t, "sales/warm", rest.By)

	w.is["competitor"] = lead.True
	veto := w.turn("warm")
	assert.Equal(t, TurnVetoed, veto.Turn)
	assert.Equal(t, "competitor", veto.By)
	hand := w.turn("rest")
	assert.Equal(t, TurnHandedOver, hand.Turn, "an open hand-off is not undone by nurture")
	assert.Equal(t, "sales", hand.By)

	w.is["customer"] = lead.True
	no := w.turn("warm")
	assert.Equal(t, TurnSuppressed, no.Turn)
	assert.Equal(t, "customers", no.By)
}

func TestTell_RestsCooldownsAndEdges(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, []string{"sales/warm#1"}, w.look("warm")) // 10
	w.answer(LeadRecycled, lead.Prop{Name: "until", Value: lead.NumberOf(200)})
	rests := w.turn("warm")
	assert.Equal(t, TurnResting, rests.Turn)
	assert.EqualValues(t, 200, rests.Until)

	w = newWorld(t)
	require.Equal(t, []string{"sales/warm#1"}, w.look("warm")) // 10
	w.answer(LeadRecycled)                                     // 20
	cools := w.turn("warm")
	assert.Equal(t, TurnCooldown, cools.Turn)
	assert.EqualValues(t, 70, cools.Until)
	assert.EqualValues(t, 20, cools.Since)

	w = newWorld(t)
	w.p.Routes[2].Cooldown = 0
	require.Equal(t, []string{"sales/warm#1"}, w.look("warm"))
	w.answer(LeadRejected) // 20
	fired := w.turn("warm")
	assert.Equal(t, TurnFired, fired.Turn)
	assert.EqualValues(t, 1, fired.Number)
	assert.EqualValues(t, 20, fired.Since)
}

func TestTell_WaitsForItsTurn(t *testing.T) {
	w := newWorld(t)
	w.is["warm"] = lead.True
	w.f.Acct.Marks.Matched, w.f.Acct.Marks.Drip = 3, &ledger.Drip{Due: 500, Route: 3, Release: "7"}
	waits := w.turn("warm")
	assert.Equal(t, TurnDrip, waits.Turn)
	assert.EqualValues(t, 500, waits.Until)
	assert.Equal(t, "7", waits.By)
}

func TestTell_FallIsArmedWhileTrue(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "quiet")
	w.p.Sales = nil
	w.look("was warm")
	assert.Equal(t, TurnArmed, w.turn("cooled").Turn)
	w.no("was warm")
	assert.Equal(t, TurnFires, w.turn("cooled").Turn)
	w.look()
	assert.Equal(t, TurnFalse, w.turn("cooled").Turn)
}

func TestTell_PartsShowWhatTheyRead(t *testing.T) {
	w := newWorld(t)
	w.p.Routes[2].Parts = []ledger.Part{{Text: "recent >= 25", Cond: w.when("warm"), Reads: []ledger.Read{
		{Text: "recent", Value: func(*ledger.Frame) (string, bool) { return "18.5", true }},
		{Text: "trait.x", Value: func(*ledger.Frame) (string, bool) { return "", false }}}}}
	w.no("warm")
	assert.Equal(t, []ToldPart{{Text: "recent >= 25", Is: "false", Reads: []ToldRead{{Text: "recent", Value: "18.5"}, {Text: "trait.x", Unknown: true}}}}, w.turn("warm").Parts)
	w.f.Acct.Marks.Episodes = []ledger.Episode{{Action: "sales", Number: 2, Open: true, Route: 3, Opened: 5, Last: [16]byte{1}}}
	s := w.p.Tell(&w.f)
	assert.Equal(t, []ToldEpisode{{Action: "sales", Number: 2, Open: true, Route: "warm", Opened: 5, Last: "01000000000000000000000000000000"}}, s.Episodes)
}
