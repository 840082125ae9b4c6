package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// CheckedAll is what a check of all decisions and all leads found.
type CheckedAll struct {
	Decisions int `json:"decisions"` // in the journal
	Same      int `json:"same"`      // of them made again from the events, bit for bit
	Different int `json:"different"` // of them made again, and not the same
	// Unmade are those that no input led to: the events begin too late for them,
	// or a release is not at hand, as Notes say; else they count as Different.
	Unmade int `json:"unmade"`
	// Repeated stand in the journal a second time, byte for byte: a partition was
	// built again from its events.
	Repeated int `json:"repeated"`
	// Missing were made again and are not in the journal. While an engine runs,
	// they are on their way.
	Missing int `json:"missing"`
	// Unsummed are decisions whose own lines do not sum to their scores.
	Unsummed int `json:"unsummed"`
	Events   int `json:"events"`
	Leads    int `json:"leads"`
	// Unbalanced are the leads whose lines do not sum to a score.
	Unbalanced []string `json:"unbalanced"`
	Problems   []string `json:"problems"` // the first ones
	Notes      []string `json:"notes,omitempty"`
}

// Bad says whether anything is not as it must be.
func (r *CheckedAll) Bad() bool {
	return r.Different+r.Unsummed+len(r.Unbalanced) > 0
}

// mostProblems bounds the list of problems.
const mostProblems = 100

// CheckAll makes every decision of the journal again from the events alone, in
// one pass over them and under the releases that were live at each position, and
// compares the bytes; and it looks at every lead as it is stored, whose lines
// must sum to its scores. It reads only.
func CheckAll(ctx context.Context, o Options) (*CheckedAll, error) {
	x, err := OpenExplainer(ctx, o, "")
	if err != nil {
		return nil, err
	}
	defer x.Close()
	c := newCheckAll(x)
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	slices.Sort(c.Unbalanced)
	c.Unbalanced = slices.Compact(c.Unbalanced)
	slices.Sort(c.Problems)
	return &c.CheckedAll, nil
}

func newCheckAll(x *Explainer) *checkAll {
	return &checkAll{x: x, stored: map[[16]byte][32]byte{}, CheckedAll: CheckedAll{Unbalanced: []string{}, Problems: []string{}}}
}

func (c *checkAll) run(ctx context.Context) error {
	x := c.x
	if err := x.decisions(ctx, journal.DecisionSubject("*", "*"), c.store); err != nil {
		return err
	}
	var wait sync.WaitGroup
	errs := make([]error, x.p)
	for n := range x.p {
		wait.Go(func() { errs[n] = c.partition(ctx, n) })
	}
	wait.Wait()
	for n, err := range errs {
		if err != nil {
			return fmt.Errorf("partition %d: %w", n, err)
		}
	}
	c.left()
	return nil
}

// checkAll is a check at work.
type checkAll struct {
	CheckedAll
	x       *Explainer
	mu      sync.Mutex            // what follows, and the counts
	stored  map[[16]byte][32]byte // hashes of the decisions' bytes by the first bytes of their ids' hash
	again   map[[16]byte]string   // the releases of those that are the same; nil: nobody asks
	excused bool                  // not all that was decided can be made again
	foreign bool                  // another release stood in for one
}

func keyOf(id string) (k [16]byte) {
	h := sha256.Sum256([]byte(id))
	return [16]byte(h[:16])
}

// store notes a decision of the journal.
func (c *checkAll) store(m *journal.Message, d *lead.Decision) error {
	c.Decisions++
	key, sum := keyOf(d.ID), sha256.Sum256(m.Data)
	if first, twice := c.stored[key]; twice && first == sum {
		c.Repeated++
	} else if twice {
		c.differs(d.ID, d.Lead, "is in the journal twice, and not the same")
	}
	c.stored[key] = sum
	for i := range d.Scores {
		sum := lead.Points(0)
		for k := range d.Lines {
			if d.Lines[k].Score == d.Scores[i].Name {
				sum += d.Lines[k].Remaining
			}
		}
		if sum != d.Scores[i].Milli {
			c.Unsummed++
			c.problem(fmt.Sprintf("decision %s of lead %q: the lines of %s sum to %s, and not to %s", d.ID, d.Lead, d.Scores[i].Name, sum, d.Scores[i].Milli))
		}
	}
	return nil
}

func (c *checkAll) differs(id, who, why string) {
	c.Different++
	c.problem(fmt.Sprintf("decision %s of lead %q %s", id, who, why))
}

func (c *checkAll) problem(text string) {
	if len(c.Problems) < mostProblems {
		c.Problems = append(c.Problems, text)
	}
}

// partition makes the decisions of one partition again, and looks at its leads.
func (c *checkAll) partition(ctx context.Context, n int) error {
	r := c.x.rerunAll(ctx, n)
	defer r.story.Close()
	var bad error
	r.decided = func(d *lead.Decision) bool {
		bad = c.made(d)
		return bad != nil
	}
	if err := r.run(ctx); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	c.mu.Lock()
	c.Events += r.story.Events
	if r.story.First > 1 {
		c.foreign = true
		c.excuse(fmt.Sprintf("the events begin at sequence %d, received at %s: what was decided about leads that were seen before cannot be made again", r.story.First, explain.Stamp(r.story.Since)))
	}
	if r.foreign != "" {
		c.foreign = true
		c.excuse(r.foreign)
	}
	c.mu.Unlock()
	return c.sums(ctx, n)
}

// excuse says why something cannot be made again; the lock is held.
func (c *checkAll) excuse(why string) {
	c.excused = true
	if !slices.Contains(c.Notes, why) {
		c.Notes = append(c.Notes, why)
	}
}

// made compares a decision with what the journal has.
func (c *checkAll) made(d *lead.Decision) error {
	o, err := decisionOutput(d)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(d.ID)
	switch sum, there := c.stored[key]; {
	case !there:
		c.Missing++
	case sum != sha256.Sum256(o.Data):
		c.differs(d.ID, d.Lead, "is not what its inputs make")
	default:
		if c.Same++; c.again != nil {
			c.again[key] = d.Release
		}
	}
	delete(c.stored, key)
	return nil
}

// left counts the decisions that were not made again.
func (c *checkAll) left() {
	c.Unmade = len(c.stored)
	switch {
	case c.foreign: // what it made proves nothing
		c.Unmade, c.Different, c.Missing, c.Problems = c.Unmade+c.Different, 0, 0, c.Problems[:0]
		return
	case c.Unmade == 0, c.excused:
		return
	}
	c.Different, c.Unmade = c.Different+c.Unmade, 0
	c.problem(fmt.Sprintf("%d decisions stand in the journal, and no input makes them", len(c.stored)))
}

// sums looks at the leads of a partition as they are stored, under each workflow.
func (c *checkAll) sums(ctx context.Context, n int) error {
	v, _, err := c.x.e.readState(ctx, n)
	if err != nil {
		return err
	}
	defer v.close()
	seen := map[string]bool{} // by several releases
	for _, m := range v.set.Members() {
		var keys []string
		m.Core.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
		err := m.Core.Look(keys, m.Core.Clock(), func(f *ledger.Frame) {
			c.mu.Lock()
			defer c.mu.Unlock()
			seen[f.Acct.Key] = true
			if len(explain.Unbalanced(explain.Scores(f))) > 0 {
				c.Unbalanced = append(c.Unbalanced, f.Acct.Key)
			}
		})
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Leads += len(seen)
	return nil
}
