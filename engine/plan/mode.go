package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/decide"
)

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
	PerDay    int    `json:"per_day,omitempty"`
	Most      int    `json:"max_new_handoffs,omitempty"` // 0 = no limit
}

// SetOnRelease reads fire, mark or drip N/day.
func (m *Mode) SetOnRelease(text string) error {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	bad := fmt.Errorf("found on_release %q, expected fire, mark or \"drip N/day\"", text)
	m.OnRelease, m.PerDay = name, 0
	switch {
	case (name == Fire || name == Mark) && rest == "":
		return nil
	case name != Drip:
		return bad
	}
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), "/day"))
	if err != nil || n < 1 {
		return bad
	}
	m.PerDay = n
	return nil
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
