package lineage

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/core"
)

// Home is where lineages have their programs and their leads from.
type Home interface {
	// Open makes the core of a lineage, with what its shelf holds: nothing, if the
	// lineage is new.
	Open(d *Descriptor) (*core.Core, error)
	// Program is the program of the lineage's release, which an open lineage is
	// going to have, or, if it is the one of Was, has had.
	Program(d *Descriptor) (core.Program, error)
	// Borrow is the program of a release for a look, before anything depends on it;
	// it need not stay.
	Borrow(workflow string, r Release) (core.Program, error)
	// Copy makes the core of a lineage with all leads of another one, under its own
	// program; or of the same one, which goes on under another program. No input
	// comes meanwhile.
	Copy(from *Member, d *Descriptor) (*core.Core, error)
}

// Set is all lineages of one partition. It is not safe for concurrent use.
type Set struct {
	home    Home
	members []*Member // by workflow and id
}

// New makes a set without lineages.
func New(home Home) *Set { return &Set{home: home} }

// Members are the lineages, by workflow and then by id. The list is the set's.
func (s *Set) Members() []*Member { return s.members }

// Get finds a lineage, nil if there is none.
func (s *Set) Get(id ID) *Member {
	for _, m := range s.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// Live is the lineage of a workflow whose decisions count, nil if there is none.
func (s *Set) Live(workflow string) *Member {
	for _, m := range s.members {
		if m.Workflow == workflow && m.Role == Live {
			return m
		}
	}
	return nil
}

// Has says whether the workflow has any lineage.
func (s *Set) Has(workflow string) bool {
	return slices.ContainsFunc(s.members, func(m *Member) bool { return m.Workflow == workflow })
}

// Building is the oldest lineage that is being built, nil if there is none.
func (s *Set) Building() (oldest *Member) {
	for _, m := range s.members {
		if m.Role == Building && (oldest == nil || m.ID < oldest.ID) {
			oldest = m
		}
	}
	return oldest
}

// add puts an open lineage into the set.
func (s *Set) add(d *Descriptor, c *core.Core) *Member {
	m := &Member{Descriptor: *d, Core: c}
	if d.Role == Building {
		c.PassOver(d.Cut)
	}
	i, _ := slices.BinarySearchFunc(s.members, m, func(a, b *Member) int {
		return cmp.Or(cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.ID, b.ID))
	})
	s.members = slices.Insert(s.members, i, m)
	s.appoint()
	return m
}

func (s *Set) remove(m *Member) {
	s.members = slices.DeleteFunc(s.members, func(x *Member) bool { return x == m })
	s.appoint()
}

// appoint makes the first live lineage the one that keeps account of inputs
// that no lineage can take, so that each of them is told once.
func (s *Set) appoint() {
	var workflows []string
	for _, m := range s.members {
		if n := len(workflows); n == 0 || workflows[n-1] != m.Workflow {
			workflows = append(workflows, m.Workflow)
		}
	}
	keeper := slices.IndexFunc(s.members, func(m *Member) bool { return m.Role == Live })
	for i, m := range s.members {
		m.Core.Attend(i == keeper, workflows)
	}
}

// Heard says whether what the last slice made the lineage decide is published.
func (m *Member) Heard() bool { return m.Role == Live || m.rising }

// Run gives all lineages in step the inputs in stream order, wholly. For those
// who need not commit on the way.
func (s *Set) Run(inputs []core.Input) error {
	s.Reset()
	for _, m := range s.members {
		if !m.InStep() {
			continue
		}
		if err := m.Core.Run(inputs, &m.Out); err != nil {
			return m.wrap(err)
		}
	}
	return nil
}

// Take hands a batch of inputs to all lineages in step. Slice runs it.
func (s *Set) Take(inputs []core.Input) {
	for _, m := range s.members {
		if m.left = nil; m.InStep() {
			m.left = inputs
		}
	}
}

// Slice runs the batch, up to where a tick brings on more leads than one commit
// should hold. Commit what the members' outputs have, under the position before
// the batch, until it is done. To run a batch again is safe.
func (s *Set) Slice() (done bool, err error) {
	s.Reset()
	done = true
	for _, m := range s.members {
		if len(m.left) == 0 {
			continue
		}
		n, err := m.Core.RunSlice(m.left, &m.Out)
		if err != nil {
			return false, m.wrap(err)
		}
		m.left = m.left[n:]
		done = done && len(m.left) == 0
	}
	return done, nil
}

// Reset empties the outputs.
func (s *Set) Reset() {
	for _, m := range s.members {
		m.Out.Reset()
	}
}

func (m *Member) wrap(err error) error {
	return fmt.Errorf("workflow %q, release %d: %w", m.Workflow, m.Release.Number, err)
}

// Clock is the latest tick that all lineages in step have seen, ms; 0 without
// any lineage.
func (s *Set) Clock() (at int64) {
	first := true
	for _, m := range s.members {
		if m.InStep() && (first || m.Core.Clock() < at) {
			at, first = m.Core.Clock(), false
		}
	}
	return at
}

// Build runs inputs of history through a lineage that is being built, up to
// where a tick brings on more leads than one commit should hold: n of them are
// wholly done. The caller moves the lineage's place.
func (s *Set) Build(m *Member, inputs []core.Input) (n int, err error) {
	s.Reset()
	if n, err = m.Core.RunSlice(inputs, &m.Out); err != nil {
		return n, m.wrap(err)
	}
	return n, nil
}

// Join puts a lineage that has read all of history in step with the others.
func (s *Set) Join(m *Member, clock int64) {
	m.Role, m.At, m.Clock = Shadow, Place{}, 0
	m.Core.PassOver(0)
	m.Core.RestoreClock(clock)
}

// Expires says whether a tick ends a shadow.
func (s *Set) Expires(at int64) bool { return slices.ContainsFunc(s.members, expired(at)) }

// Expire ends the shadows that are kept until a time, ms, or less.
func (s *Set) Expire(at int64) {
	for _, m := range slices.Clone(s.members) {
		if expired(at)(m) {
			s.remove(m)
		}
	}
}

func expired(at int64) func(*Member) bool {
	return func(m *Member) bool { return m.Role == Shadow && m.Until != 0 && m.Until <= at }
}

// Follow makes the set what a commit says that it is: it opens lineages that
// are new, lets go of those that are gone, and changes roles and programs. A
// fork is copied from its workflow's live lineage as that is now.
func (s *Set) Follow(list []Descriptor) error {
	for i := range list {
		if err := s.follow(&list[i]); err != nil {
			return err
		}
	}
	for _, m := range slices.Clone(s.members) {
		if !slices.ContainsFunc(list, func(d Descriptor) bool { return d.ID == m.ID }) {
			s.remove(m)
		}
	}
	s.appoint()
	return nil
}

func (s *Set) follow(d *Descriptor) error {
	m := s.Get(d.ID)
	if m == nil {
		c, err := s.begin(d)
		if err != nil {
			return err
		}
		s.add(d, c)
		return nil
	}
	if m.Release != d.Release {
		c, err := s.home.Copy(m, d)
		if err != nil {
			return m.wrap(err)
		}
		m.Core = c
	}
	if m.Role == Building && d.Role != Building {
		m.Core.PassOver(0)
	}
	m.Descriptor = *d
	return nil
}

// begin makes the core of a new lineage.
func (s *Set) begin(d *Descriptor) (*core.Core, error) {
	if d.Origin != FromFork {
		return s.home.Open(d)
	}
	live := s.Live(d.Workflow)
	if live == nil {
		return nil, fmt.Errorf("%w: lineage %d of workflow %q is a fork, and there is no live lineage", ErrOrder, d.ID, d.Workflow)
	}
	return s.home.Copy(live, d)
}

// Restore opens the lineages of a stored state; their shelves have what is
// theirs.
func (s *Set) Restore(list []Descriptor) error {
	for i := range list {
		c, err := s.home.Open(&list[i])
		if err != nil {
			return err
		}
		s.add(&list[i], c)
	}
	return nil
}
