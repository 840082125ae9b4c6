package lineage

import (
	"fmt"
	"strconv"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
)

// Walk is an order that is being carried out. Many orders look at every lead;
// they do so in slices, in the order of the leads' keys.
type Walk struct {
	// New says that the set has a lineage more than before, or one less: worth a
	// commit of its own before the first step.
	New bool
	// Passed says why there is nothing to do, "" if there is.
	Passed string

	set    *Set
	member *Member
	step   func(after string, most int, out *core.Output) (last string, done bool, err error) // nil: no lead is looked at
	end    func()
}

// Obey begins to carry out an order that stands at sequence seq of the events
// stream, with the time of its message, ms. It may have been begun before: the
// first Step goes on behind the last lead that is committed. An order that makes
// no sense here is passed over, by every partition alike.
func (s *Set) Obey(o *Order, seq uint64, at int64) (*Walk, error) {
	switch o.Op {
	case Start:
		return s.start(o, ID(seq))
	case Switch:
		return s.change(o, seq, at)
	}
	return s.stop(o), nil
}

// Member is the lineage that the order is about, nil if there is none.
func (w *Walk) Member() *Member { return w.member }

// Step looks at up to most leads (0 = all) behind the one named. Commit what is
// in the members' outputs with the key of the last; once done the order is
// carried out, and the roles are what it says.
func (w *Walk) Step(after string, most int) (last string, done bool, err error) {
	w.set.Reset()
	last, done = after, true
	if w.step != nil {
		if last, done, err = w.step(after, most, &w.member.Out); err != nil {
			return last, false, w.member.wrap(err)
		}
	}
	if done && w.end != nil {
		w.end()
	}
	return last, done, nil
}

// Done ends the walk behind its last commit.
func (w *Walk) Done() {
	if w.member != nil {
		w.member.rising = false
	}
}

func passed(format string, args ...any) *Walk { return &Walk{Passed: fmt.Sprintf(format, args...)} }

// start begins a lineage.
func (s *Set) start(o *Order, id ID) (*Walk, error) {
	w := &Walk{set: s, member: s.Get(id)}
	live := s.Live(o.Workflow)
	switch {
	case w.member == nil && o.First && s.Has(o.Workflow):
		return &Walk{set: s, Passed: "the workflow has a lineage"}, nil
	case w.member == nil && o.Origin == FromEmpty && live != nil:
		return passed("workflow %q has a live lineage, another cannot begin as one", o.Workflow), nil
	case w.member == nil && o.Origin == FromFork && live == nil:
		return passed("workflow %q has no live lineage to be forked", o.Workflow), nil
	}
	if w.member == nil {
		if err := s.startable(o, live); err != nil {
			return nil, err
		}
		d := &Descriptor{ID: id, Workflow: o.Workflow, Release: o.Release, Origin: o.Origin, Cut: o.Cut, Role: roleOf(o.Origin)}
		switch d.Role {
		case Building:
			d.At = Place{Seq: 1}
		case Live:
			d.Since = id
		}
		c, err := s.begin(d)
		if err != nil {
			return nil, err
		}
		w.member, w.New = s.add(d, c), true
		if d.Role != Building {
			c.RestoreClock(s.Clock())
		}
	}
	m := w.member
	switch {
	case o.Origin == FromFork:
		sw := &core.Switch{Release: number(o.Release), OnRelease: decide.Mark, Was: live.Core.Program()}
		w.step = func(after string, most int, out *core.Output) (string, bool, error) {
			return m.Core.SwitchFrom(m.Core, sw, after, most, out)
		}
	case o.Origin == FromHistory && o.Cut > 0 && live != nil:
		w.step = func(after string, most int, out *core.Output) (string, bool, error) {
			return m.Core.CarryFrom(live.Core, o.Cut, after, most, out)
		}
	}
	return w, nil
}

// startable says why a lineage cannot begin as ordered, before anything is made.
func (s *Set) startable(o *Order, live *Member) error {
	switch {
	case o.Origin == FromFork:
		return s.fits(live, o)
	case o.Origin != FromHistory || o.Cut == 0:
		return nil
	}
	prog, err := s.home.Borrow(o.Workflow, o.Release)
	if err != nil {
		return err
	}
	steps := []int64{prog.Book.AgeStep}
	if live != nil {
		steps = append(steps, live.Core.Program().Book.AgeStep)
	}
	for _, step := range steps {
		if o.Cut%step != 0 {
			return fmt.Errorf("%w: the cut at %d ms is not where an age step of %d ms begins", ErrOrder, o.Cut, step)
		}
	}
	return nil
}

// fits says why a release cannot go on with what a lineage knows of the leads.
func (s *Set) fits(m *Member, o *Order) error {
	prog, err := s.home.Borrow(o.Workflow, o.Release)
	if err != nil {
		return err
	}
	if err := core.CanReprogram(m.Core.Program(), &prog); err != nil {
		return fmt.Errorf("%w: release %d: %w", ErrOrder, o.Release.Number, err)
	}
	return nil
}

func roleOf(o Origin) Role {
	switch o {
	case FromEmpty:
		return Live
	case FromHistory:
		return Building
	}
	return Shadow
}

// change makes another lineage, or another program, the live one.
func (s *Set) change(o *Order, seq uint64, at int64) (*Walk, error) {
	live, m := s.Live(o.Workflow), s.Get(o.Lineage)
	if o.InPlace {
		m = live
	}
	switch {
	case m == nil && o.InPlace:
		return passed("workflow %q has no live lineage", o.Workflow), nil
	case m == nil:
		return passed("there is no lineage %d", o.Lineage), nil
	case m.Workflow != o.Workflow:
		return passed("lineage %d belongs to workflow %q, not to %q", o.Lineage, m.Workflow, o.Workflow), nil
	case m == live && !o.InPlace:
		return passed("lineage %d is the live one already", o.Lineage), nil
	case m.Role == Building:
		return nil, fmt.Errorf("%w: lineage %d is not built yet", ErrOrder, m.ID)
	case o.InPlace && m.Release == o.Release && m.Was == (Release{}):
		return passed("release %d is the live one already", o.Release.Number), nil
	}
	w := &Walk{set: s, member: m}
	sw := s.SwitchOf(o, m, at)
	if o.InPlace {
		if err := s.reprogram(o, m, sw); err != nil {
			return nil, m.wrap(err)
		}
		live = m
	}
	var from *core.Core // nil: it is the first one of its workflow
	if live != nil {
		from = live.Core
	}
	m.rising = true
	w.step = func(after string, most int, out *core.Output) (string, bool, error) {
		return m.Core.SwitchFrom(from, sw, after, most, out)
	}
	w.end = func() { s.enthrone(o, m, live, seq, at) }
	return w, nil
}

// reprogram gives a lineage the program of another release. What it changes
// from here on is written by that one, and its commits say so. After a crash in
// the middle it has the program already, and needs to know the one before.
func (s *Set) reprogram(o *Order, m *Member, sw *core.Switch) error {
	d := m.Descriptor
	if m.Release == o.Release {
		d.Release = m.Was
		was, err := s.home.Program(&d)
		sw.Was = &was
		return err
	}
	if err := s.fits(m, o); err != nil {
		return err
	}
	d.Release = o.Release
	prog, err := s.home.Program(&d)
	if err != nil {
		return err
	}
	if err := m.Core.Reprogram(prog); err != nil {
		return err
	}
	m.Was, m.Release = m.Release, o.Release
	return nil
}

// SwitchOf is an order in the core's words, as it is carried out and as a core
// counts what it would lead to.
func (s *Set) SwitchOf(o *Order, m *Member, at int64) *core.Switch {
	r := m.Release
	if o.InPlace {
		r = o.Release
	}
	on := decide.Fire
	switch o.OnRelease {
	case Mark:
		on = decide.Mark
	case Drip:
		on = decide.Drip
	}
	return &core.Switch{Release: number(r), At: at, OnRelease: on, PerDay: o.PerDay, Total: o.Total, Recall: o.Recall, Since: o.Since}
}

func number(r Release) string { return strconv.FormatUint(uint64(r.Number), 10) }

// enthrone changes the roles at the end of a switch.
func (s *Set) enthrone(o *Order, m, live *Member, seq uint64, at int64) {
	switch {
	case o.InPlace:
		m.Was = Release{}
	case live == nil:
	case o.Keep == 0:
		s.remove(live)
	default:
		live.Role, live.Until = Shadow, at+o.Keep
	}
	m.Role, m.Since, m.Until = Live, ID(seq), 0
	s.appoint()
}

// stop ends a lineage.
func (s *Set) stop(o *Order) *Walk {
	m := s.Get(o.Lineage)
	switch {
	case m == nil:
		return passed("there is no lineage %d", o.Lineage)
	case m.Workflow != o.Workflow:
		return passed("lineage %d belongs to workflow %q, not to %q", o.Lineage, m.Workflow, o.Workflow)
	case m.Role == Live:
		return passed("lineage %d is the live one: another is made live first", o.Lineage)
	}
	return &Walk{set: s, New: true, end: func() { s.remove(m) }}
}
