package explain

import (
	"strconv"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/decide"
)

// Turn says in words what became of a route.
func Turn(t *decide.Told) string {
	episode := "episode " + strconv.FormatUint(uint64(t.Number), 10)
	switch t.Turn {
	case decide.TurnFires:
		if t.Silent {
			return "takes the lead now, and publishes nothing"
		}
		return "fires now: " + episode
	case decide.TurnUpdates:
		return "tells of the new hand-raise: " + episode + " of " + t.By + " is open since " + Stamp(t.Since)
	case decide.TurnOpen:
		text := "has fired: " + episode
		if t.By != t.Name {
			text = "its action is under way: " + episode + by(t.By)
		}
		return text + " is open since " + Stamp(t.Since)
	case decide.TurnFired:
		return fired(t, episode)
	case decide.TurnHandedOver:
		return "waits: the hand-off " + t.By + ", " + episode + ", is open since " + Stamp(t.Since)
	case decide.TurnResting:
		return "waits: sales lets the lead rest until " + Stamp(t.Until)
	case decide.TurnCooldown:
		return "waits: cooldown until " + Stamp(t.Until) + ", since " + episode + " was closed"
	case decide.TurnDrip:
		return "waits: newly true by release " + t.By + ", its turn comes at " + Stamp(t.Until)
	case decide.TurnSentBack:
		return "not now: sales has just sent the lead back"
	case decide.TurnVetoed:
		return "vetoed by " + t.By
	case decide.TurnSuppressed:
		return "suppressed by " + t.By
	case decide.TurnEarlier:
		return "an earlier route has won: " + t.By
	case decide.TurnArmed:
		return "armed: fires when its condition stops to be true"
	case decide.TurnUnknown:
		return "something it reads is missing, and unknown never fires"
	}
	return "its condition is false"
}

func by(route string) string {
	if route == "" {
		return ""
	}
	return " of route " + route
}

func fired(t *decide.Told, episode string) string {
	const again = "; it fires again once its condition was false in between"
	if t.Number == 0 {
		return "holds since before" + again
	}
	return "has fired: " + episode + " was closed at " + Stamp(t.Since) + again
}

// Condition shows the statements of a condition with the values that they
// read, e.g. "recent >= 25: recent = 18.5 -> false".
func Condition(t *decide.Told) (lines []string) {
	for i := range t.Parts {
		p := &t.Parts[i]
		var reads []string
		for _, r := range p.Reads {
			v := r.Value
			if r.Unknown {
				v = "unknown"
			}
			reads = append(reads, r.Text+" = "+v)
		}
		line := p.Text
		if len(reads) > 0 {
			line += ": " + strings.Join(reads, ", ")
		}
		lines = append(lines, line+" -> "+p.Is)
	}
	return lines
}

// Stamp prints a time in ms.
func Stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00") }
