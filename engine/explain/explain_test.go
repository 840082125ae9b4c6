package explain

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/step"
)

const (
	day   = scoretest.Day
	start = 20_000 * day
)

// world is a core with some leads and what was decided about them.
type world struct {
	*core.Core
	t         *testing.T
	about     About
	decisions []lead.Decision
}

func newWorld(t *testing.T) *world {
	k := scoretest.New(scoretest.Config{})
	prog := core.Program{Book: k.Book, Steps: k.Specs, Policy: k.Policy, Scorers: k.Scorers(), Backups: make([]step.Scorer, len(k.Specs))}
	return &world{Core: core.New(prog, core.Options{}), t: t, about: About{Policy: k.Policy, Release: "3", Model: "abc", LeadWord: "lead"}}
}

func (w *world) do(events ...lead.Event) {
	w.t.Helper()
	var inputs []core.Input
	for _, e := range events {
		inputs = append(inputs, core.Input{Event: e})
	}
	var out core.Output
	require.NoError(w.t, w.Run(inputs, &out))
	require.Empty(w.t, out.Rejected)
	w.decisions = append(w.decisions, out.Decisions...)
}

func (w *world) of(key string, at int64) *Lead {
	w.t.Helper()
	l, err := Of(w, w.about, key, at, w.decisions)
	require.NoError(w.t, err)
	return l
}

func track(id, name string, at int64) lead.Event {
	return lead.Event{ID: id, Lead: "ann", Kind: lead.Track, Name: name, At: at}
}

func TestOf_R004_06_R004_12_LinesSumAndSayWhereTheyAreFrom(t *testing.T) {
	w := newWorld(t)
	w.do(lead.Event{ID: "1", Lead: "ann", Kind: lead.Group, At: start, Traits: lead.Props{{Name: "size", Value: lead.NumberOf(500)}}},
		lead.Event{ID: "2", Lead: "ann", Kind: lead.Identify, At: start, Traits: lead.Props{{Name: "title", Value: lead.StringOf("CEO")}}},
		track("3", "Email Opened", start), track("4", "Demo Requested", start+day))
	l := w.of("ann", start+10*day)
	require.Len(t, l.Scores, 3)
	assert.Equal(t, "what the lead did lately", l.Scores[0].About)
	account := 0
	for _, s := range l.Scores {
		assert.True(t, s.Exact, s.Name)
		assert.Equal(t, s.Milli, s.Sum)
		sum := lead.Points(0)
		for _, line := range s.Lines {
			assert.Equal(t, line.Awarded-line.Decayed-line.Reversed, line.Remaining)
			sum += line.Remaining
			if line.Account {
				account++
				assert.Equal(t, "size", line.Rule)
			}
		}
		assert.Equal(t, s.Milli, sum)
	}
	assert.Equal(t, 1, account, "points that come from the account are marked")
	assert.Empty(t, Unbalanced(l.Scores))
	assert.Equal(t, []string{"s"}, Unbalanced([]Score{{ScoreValue: lead.ScoreValue{Name: "s"}}}))
}

func TestOf_WhyAndWhatNext(t *testing.T) {
	w := newWorld(t)
	w.do(track("1", "Demo Requested", start), track("2", "Lead Rejected", start+1))
	l := w.of("ann", start+2)
	assert.Equal(t, "rejected", l.Stage)
	assert.Equal(t, "3", l.Release)
	require.NotEmpty(t, l.Episodes)
	require.NotEmpty(t, l.Decisions)
	assert.Equal(t, w.decisions[0].ID, l.Decisions[0].ID)
	require.NotEmpty(t, l.Next)
	assert.Contains(t, l.Next, Next{start + day, "points decay next (step fade)"})
	found := false
	for _, n := range l.Next { // 50 points fall below 20 on day 37
		found = found || n.At == start+37*day && n.Text == "nurture-cooled/cooled fires"
	}
	assert.True(t, found, "%v", l.Next)
	assert.Nil(t, w.of("nobody", start))

	text, err := json.Marshal(l)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"turn":"condition-false"`)
	assert.NotContains(t, string(text), "LeadWord")
}

func TestTurn_InWords(t *testing.T) {
	for want, told := range map[string]decide.Told{
		"fires now: episode 2":                                                               {Turn: decide.TurnFires, Number: 2},
		"takes the lead now, and publishes nothing":                                          {Turn: decide.TurnFires, Silent: true},
		"has fired: episode 1 is open since 1970-01-02T00:00:00Z":                            {Turn: decide.TurnOpen, Number: 1, Since: day, Name: "warm", By: "warm"},
		"its action is under way: episode 1 of route hot is open since 1970-01-02T00:00:00Z": {Turn: decide.TurnOpen, Number: 1, Since: day, Name: "warm", By: "hot"},
		"its action is under way: episode 1 is open since 1970-01-02T00:00:00Z":              {Turn: decide.TurnOpen, Number: 1, Since: day, Name: "warm"},
		"waits: the hand-off sales, episode 1, is open since 1970-01-02T00:00:00Z":           {Turn: decide.TurnHandedOver, Number: 1, Since: day, By: "sales"},
		"tells of the new hand-raise: episode 1 of sales is open since 1970-01-02T00:00:00Z": {Turn: decide.TurnUpdates, Number: 1, Since: day, By: "sales"},
		"waits: sales lets the lead rest until 1970-01-02T00:00:00Z":                         {Turn: decide.TurnResting, Until: day},
		"waits: cooldown until 1970-01-02T00:00:00Z, since episode 4 was closed":             {Turn: decide.TurnCooldown, Until: day, Number: 4},
		"not now: sales has just sent the lead back":                                         {Turn: decide.TurnSentBack},
		"waits: newly true by release 7, its turn comes at 1970-01-02T00:00:00Z":             {Turn: decide.TurnDrip, By: "7", Until: day},
		"vetoed by rival":                                                            {Turn: decide.TurnVetoed, By: "rival"},
		"suppressed by staff":                                                        {Turn: decide.TurnSuppressed, By: "staff"},
		"an earlier route has won: sales/warm":                                       {Turn: decide.TurnEarlier, By: "sales/warm"},
		"armed: fires when its condition stops to be true":                           {Turn: decide.TurnArmed},
		"something it reads is missing, and unknown never fires":                     {Turn: decide.TurnUnknown},
		"its condition is false":                                                     {Turn: decide.TurnFalse},
		"holds since before; it fires again once its condition was false in between": {Turn: decide.TurnFired},
		"has fired: episode 1 was closed at 1970-01-02T00:00:00Z; it fires again once its condition was false in between": {Turn: decide.TurnFired, Number: 1, Since: day},
	} {
		assert.Equal(t, want, Turn(&told))
	}
	assert.Equal(t, []string{"a > b: a = 1, b = unknown -> unknown", "c -> true"}, Condition(&decide.Told{Parts: []decide.ToldPart{
		{Text: "a > b", Is: "unknown", Reads: []decide.ToldRead{{Text: "a", Value: "1"}, {Text: "b", Unknown: true}}}, {Text: "c", Is: "true"}}}))
}

func TestChange_InWords(t *testing.T) {
	fires := []decide.Told{{Action: "sales", Name: "warm", Turn: decide.TurnFires}}
	assert.Equal(t, "the episode of x is reset, sales/warm fires", change("a/b", &decide.Story{Resets: []string{"x"}, Routes: fires}))
	assert.Equal(t, "c/d holds instead of a/b; nothing is published", change("a/b", &decide.Story{Holds: "c/d"}))
	assert.Equal(t, "a/b no longer holds; nothing is published", change("a/b", &decide.Story{}))
	assert.Equal(t, "c/d holds; nothing is published", change("", &decide.Story{Holds: "c/d"}))
	assert.Equal(t, "the edge of a route changes; nothing is published", change("a/b", &decide.Story{Holds: "a/b"}))
}
