package demostream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// handRaise is the moment when a lead asks for something, and what sales makes
// of it.
func (l *life) handRaise() {
	at := l.joined.Add(l.minutes(60, 40*24*60))
	if l.chance(l.how.asks) {
		l.add(at.Add(-2*time.Minute), Event{Type: "page", Properties: map[string]any{"path": "/demo", "url": "https://www.ripe-demo.example/demo"}})
		l.track(at, "Demo Requested", map[string]any{"form": "demo"})
		l.answer(at)
		return
	}
	if l.chance(l.how.trials) {
		l.track(at, "Account Created", map[string]any{"plan": "trial"})
		l.track(at.Add(l.minutes(1, 20)), "Trial Started", map[string]any{"plan": "trial"})
		l.answer(at.Add(20 * time.Minute))
	}
}

// answer plays sales: accepted or rejected within two days, then contacted,
// then won, lost, or sent back for later. Some are never answered.
func (l *life) answer(asked time.Time) {
	at := asked.Add(l.minutes(30, 48*60))
	switch l.Persona {
	case Student, Competitor, Intern:
		reason := map[Persona]string{Student: "student", Competitor: "competitor", Intern: "no budget"}[l.Persona]
		l.track(at, "Lead Rejected", map[string]any{"reason": reason})
		return
	}
	if l.chance(0.15) {
		return
	}
	if l.chance(0.12) {
		l.track(at, "Lead Rejected", map[string]any{"reason": "wrong region"})
		return
	}
	l.track(at, "Lead Accepted", map[string]any{"by": "rep_01"})
	at = at.Add(l.minutes(60, 3*24*60))
	l.track(at, "Lead Contacted", map[string]any{"by": "rep_01"})
	at = at.Add(5*24*time.Hour + l.minutes(0, 15*24*60))
	switch x := l.rng.Float64(); {
	case x < 0.40:
		l.track(at, "Lead Won", map[string]any{"value": 5000 + 500*l.rng.IntN(40)})
	case x < 0.65:
		l.track(at, "Lead Lost", map[string]any{"reason": "chose another"})
	case x < 0.90:
		until := at.AddDate(0, 0, 30).Format(time.RFC3339)
		l.track(at, "Lead Recycled", map[string]any{"until": until, "reason": "no budget this quarter"})
	}
}

// quotes are requests for offers: by those who buy often, by others seldom, and
// for what students and competitors ask out of curiosity. Some forms leave the
// amount open. The chance is a stream of its own and so are the message ids, so
// that the lead's other events do not change.
func (l *life) quotes(rng *rand.Rand) {
	if l.Visitor || l.Persona == Bot || l.Persona == Silent {
		return
	}
	chance := 0.05 + l.how.asks + float64(l.how.trials/2)
	for n := 1; rng.Float64() < chance; n++ {
		amount := math.Round(float64(math.Pow(10, 2.7+float64(2.3*rng.Float64()))*100)) / 100 // some 500 to 100,000
		at := l.joined.Add(time.Duration(rng.Float64() * float64(l.end.Sub(l.joined))))
		e := Event{MessageID: fmt.Sprintf("%s-q%d", l.ID, n), Type: "track", UserID: l.ID, Event: "Quote Requested", Properties: map[string]any{"form": "quote"}}
		switch kind := rng.IntN(10); {
		case kind < 5:
			e.Properties["amount"] = math.Round(amount/100) * 100
		case kind < 9:
			e.Properties["amount"] = amount
		}
		if at.Before(l.end) {
			l.events = append(l.events, stamped(e, at))
		}
	}
}
