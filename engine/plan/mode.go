package plan

import "github.com/ripenhq/ripen/engine/decide"

// What happens at a switch with leads that are newly true.
const (
	Fire = "fire"
	Mark = "mark"
	Drip = "drip"
)

// Mode is the way in which the release would be applied.
type Mode struct {
	Rescore bool `json:"rescore"`
	// InPlace, without a re-score: the live release is not kept beside the new one.
	InPlace   bool   `json:"in_place,omitempty"`
	OnRelease string `json:"on_release"` // fire, mark or drip
	PerDay    int64  `json:"per_day,omitempty"`
	Most      int    `json:"max_new_handoffs"` // hand-offs by the switch that apply accepts, -1 = any number
}

// code is the mode as the core knows it.
func (m *Mode) code() decide.OnRelease {
	switch m.OnRelease {
	case Mark:
		return decide.Mark
	case Drip:
		return decide.Drip
	}
	return decide.Fire
}
