package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
)

// ErrNoShadow says that a release does not run beside the live one.
var ErrNoShadow = errors.New("nothing to compare")

// Standing is a lead as one release sees it.
type Standing struct {
	Display string            `json:"display"`
	Grade   string            `json:"grade,omitempty"`
	Why     string            `json:"gradeReason,omitempty"`
	Label   string            `json:"label,omitempty"`
	Scores  []lead.ScoreValue `json:"scores"`
	Open    []OpenEpisode     `json:"open"` // episodes that are open, by action
}

// OpenEpisode is an open episode: a hand-off that goes on, for instance.
type OpenEpisode struct {
	Action string `json:"action"`
	Route  string `json:"route"`
	Since  int64  `json:"since"` // ms since 1970 UTC
}

// Difference is a lead that a shadow sees otherwise than the live release.
type Difference struct {
	Lead     string   `json:"lead"`
	Decision bool     `json:"decision"` // other episodes are open: the shadow decided otherwise
	Live     Standing `json:"live"`
	Shadow   Standing `json:"shadow"`
}

// Compared is a shadow beside the live release of its workflow.
type Compared struct {
	Workflow    string       `json:"workflow"`
	Live        uint32       `json:"live"`   // numbers of
	Shadow      uint32       `json:"shadow"` // the releases
	Leads       int          `json:"leads"`  // that were compared
	Differences []Difference `json:"differences"`
}

// CompareShadow reads the leads of a shadow and of the live release beside it
// from the journal, as they are at the latest time of each lead, and tells
// where they differ. A running engine goes on undisturbed.
func CompareShadow(ctx context.Context, o Options, workflow string, number uint32) (*Compared, error) {
	s, err := InspectNamed(ctx, o, workflow)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c := &Compared{Workflow: s.Work.Model.Name, Shadow: number}
	at := s.Clock()
	for n, v := range s.visits {
		live, shadow := v.set.Live(c.Workflow), shadowOf(v.set, c.Workflow, number)
		if live == nil || shadow == nil {
			return nil, fmt.Errorf("%w: release %d of workflow %q does not run as a shadow in step in partition %d", ErrNoShadow, number, c.Workflow, n)
		}
		c.Live = live.Release.Number
		if err := c.compare(live.Core, shadow.Core, at); err != nil {
			return nil, fmt.Errorf("partition %d: %w", n, err)
		}
	}
	c.sort()
	return c, nil
}

// sort puts leads about which the releases decided otherwise in front.
func (c *Compared) sort() {
	slices.SortFunc(c.Differences, func(a, b Difference) int {
		if a.Decision != b.Decision {
			return map[bool]int{true: -1, false: 1}[a.Decision]
		}
		return strings.Compare(a.Lead, b.Lead)
	})
}

// shadowOf is the newest lineage of a release that is in step and not live.
func shadowOf(s *lineage.Set, workflow string, number uint32) (found *lineage.Member) {
	for _, m := range s.Members() {
		if m.Workflow == workflow && m.Release.Number == number && m.Role == lineage.Shadow {
			found = m
		}
	}
	return found
}

func (c *Compared) compare(live, shadow *core.Core, at int64) error {
	there := map[string]bool{}
	for _, core := range []*core.Core{live, shadow} {
		core.Leads(func(a *ledger.Account) { there[a.Key] = true })
	}
	keys := make([]string, 0, len(there))
	for key := range there {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	was, err := standings(live, keys, at)
	if err != nil {
		return err
	}
	is, err := standings(shadow, keys, at)
	if err != nil {
		return err
	}
	c.Leads += len(keys)
	for _, key := range keys {
		d := Difference{Lead: key, Live: was[key], Shadow: is[key]}
		d.Decision = !slices.EqualFunc(d.Live.Open, d.Shadow.Open, func(a, b OpenEpisode) bool { return a.Action == b.Action && a.Route == b.Route })
		if d.Decision || d.Live.Grade != d.Shadow.Grade || d.Live.Label != d.Shadow.Label || !slices.EqualFunc(d.Live.Scores, d.Shadow.Scores, sameScore) {
			c.Differences = append(c.Differences, d)
		}
	}
	return nil
}

func sameScore(a, b lead.ScoreValue) bool { return a.Name == b.Name && a.Milli == b.Milli }

// standings are leads as a core sees them.
func standings(c *core.Core, keys []string, at int64) (map[string]Standing, error) {
	p := c.Program().Policy
	routes := map[uint32]string{}
	for i := range p.Routes {
		routes[p.Routes[i].ID] = p.Routes[i].Name
	}
	out := make(map[string]Standing, len(keys))
	err := c.Look(keys, at, func(f *ledger.Frame) {
		var d lead.Decision
		p.Describe(f, &d)
		s := Standing{Display: d.Display, Grade: d.Grade, Why: d.Why, Label: d.Label, Scores: d.Scores, Open: []OpenEpisode{}}
		for i := range f.Acct.Marks.Episodes {
			if e := &f.Acct.Marks.Episodes[i]; e.Open {
				s.Open = append(s.Open, OpenEpisode{e.Action, routes[e.Route], e.Opened})
			}
		}
		out[f.Acct.Key] = s
	})
	return out, err
}
