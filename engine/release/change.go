package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/lineage"
)

// Patience is how long a change waits for engines.
type Patience struct {
	Prepare time.Duration // until all have compiled and tested the release
	Build   time.Duration // without any progress of the candidate through history
	Switch  time.Duration // until all partitions are behind the switch
}

// Conductor carries a change through its steps.
type Conductor struct {
	Conn     *nats.Conn
	Store    *Store
	Patience Patience
	// Say tells people what is being done; Progress how many events of how many
	// the candidate has read.
	Say      func(format string, args ...any)
	Progress func(done, total uint64)
	// Confirm is asked before the switch, with who would newly be handed over.
	Confirm func(Count) (bool, error)
}

// Count is Newly of all partitions.
type Count struct {
	Total    int            `json:"total"`
	Handoffs int            `json:"handoffs"`
	Recalls  int            `json:"recalls,omitempty"`
	ByRoute  map[string]int `json:"byRoute,omitempty"`
}

// Outcome is how a change ended.
type Outcome struct {
	Workflow string `json:"workflow"`
	Release  uint32 `json:"release"`
	Lineage  uint64 `json:"lineage,omitempty"`
	Newly    Count  `json:"newly"`
	Switch   uint64 `json:"switch,omitempty"`   // sequence of the switch point in the events stream
	SwitchAt int64  `json:"switchAt,omitempty"` // ms
	First    uint64 `json:"first,omitempty"`    // sequence of the first event scored behind it
}

// Sentinels of a change.
var (
	// ErrTooMany says that more leads would be handed over than is allowed.
	ErrTooMany = errors.New("too many leads would newly be handed over")
	// ErrDeclined says that the operator did not confirm.
	ErrDeclined = errors.New("not confirmed")
	// ErrStays says that a change that failed could not be given up: it is where it
	// was.
	ErrStays = errors.New("it could not be given up")
	// ErrNotReady says that engines did not become ready in time.
	ErrNotReady = errors.New("not all engines became ready")
	// ErrPassed says that the order to switch was written and changed nothing.
	ErrPassed = errors.New("nothing was switched")
)

// Run carries a held change on from the step that it is at. What fails before
// the switch leaves what runs untouched: the candidate is stopped and the lease
// freed, and so does a switch that came too late (ErrPassed). Too many hand-offs, a context that ends and a server that is gone leave
// it for --continue.
func (c *Conductor) Run(ctx context.Context, h *Held) (*Outcome, error) {
	out := &Outcome{Workflow: h.Workflow}
	err := c.run(ctx, h, out)
	out.Release, out.Lineage = h.Release.Number, uint64(h.Lineage)
	switch {
	case err == nil:
		return out, h.End(ctx)
	case ctx.Err() != nil, errors.Is(err, ErrTooMany), errors.Is(err, ErrTaken), h.Step == Switched && !errors.Is(err, ErrPassed):
		h.Leave()
		return out, err
	case errors.Is(err, ErrGone):
		h.Leave()
		return out, fmt.Errorf("%w; %w", err, ErrStays)
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	if aerr := c.Abort(bounded, h); aerr != nil {
		h.Leave()
		return out, fmt.Errorf("%w; and %w: %w", err, ErrStays, aerr)
	}
	return out, err
}

// abortTime bounds the giving up of a change that failed.
const abortTime = 30 * time.Second

func (c *Conductor) run(ctx context.Context, h *Held, out *Outcome) error {
	steps := []struct {
		from Step
		do   func(context.Context, *Held, *Outcome) error
	}{
		{Begun, c.prepare}, {Prepared, c.start}, {Building, c.build}, {Ready, c.decide}, {Switched, c.settle},
	}
	for _, s := range steps {
		if h.Step != s.from {
			continue
		}
		if s.from == Ready && h.Terms.NoSwitch {
			return nil
		}
		if err := s.do(ctx, h, out); err != nil {
			return err
		}
	}
	return nil
}

// prepare has every engine load and test the release, and lists it.
func (c *Conductor) prepare(ctx context.Context, h *Held, _ *Outcome) error {
	c.Say("preparing: every engine compiles and tests the release")
	request := PrepareRequest{Workflow: h.Workflow, Number: h.Release.Number, Digest: h.Release.Digest, Model: h.Release.Model, Ledgers: h.Terms.NoRescore}
	bounded, cancel := context.WithTimeout(ctx, c.Patience.Prepare)
	defer cancel()
	err := Ask(bounded, c.Conn, VerbPrepare, request, func(*Reply) error { return nil })
	if errors.Is(err, ErrSilent) && ctx.Err() == nil {
		return fmt.Errorf("%w within %s: %w", ErrNotReady, c.Patience.Prepare, err)
	}
	if err != nil {
		return err
	}
	if h.Release.Number == 0 {
		entry, err := c.Store.Add(ctx, h.Entry)
		if err != nil {
			return err
		}
		h.Entry, h.Release.Number = entry, entry.Number
	}
	return h.To(ctx, Prepared)
}

// start begins the candidate's lineage. One that a former attempt began is
// taken.
func (c *Conductor) start(ctx context.Context, h *Held, _ *Outcome) error {
	if h.Terms.InPlace() {
		return h.To(ctx, Ready)
	}
	list, _, err := Statuses(ctx, c.Conn)
	if err != nil {
		return err
	}
	for i := range list {
		if l := &list[i]; c.candidate(h, l) {
			h.Lineage = lineage.ID(l.ID)
			return h.To(ctx, Building)
		}
	}
	order := lineage.Order{Op: lineage.Start, Workflow: h.Workflow, Release: h.Release, Origin: lineage.FromHistory}
	if h.Terms.NoRescore {
		order.Origin = lineage.FromFork
	}
	reply, err := c.order(ctx, h, &order)
	if err != nil {
		return err
	}
	h.Lineage = lineage.ID(reply.Seq)
	return h.To(ctx, Building)
}

// candidate says whether a lineage is what a change works on.
func (c *Conductor) candidate(h *Held, l *LineageStatus) bool {
	return l.Workflow == h.Workflow && l.Release == h.Release.Number && l.Digest == h.Release.Digest && l.Role != lineage.Live.String() && l.Until == 0
}

func (c *Conductor) order(ctx context.Context, h *Held, o *lineage.Order) (OrderReply, error) {
	bounded, cancel := context.WithTimeout(ctx, 2*OrderTime)
	defer cancel()
	return AskOrder(bounded, c.Conn, o, h)
}

// OrderTime is how long an engine tries to write an order. Who asked waits
// longer: an order that was not heard of by then is in the stream, or never will
// be. An engine that was stopped meanwhile finds that the lease has moved on.
const OrderTime = 20 * time.Second

// decide counts who would newly be handed over, and switches if that is wanted.
func (c *Conductor) decide(ctx context.Context, h *Held, out *Outcome) (err error) {
	if done, err := c.switched(ctx, h); done || err != nil {
		return err
	}
	order := h.switchOrder()
	if out.Newly, err = c.count(ctx, order); err != nil {
		return err
	}
	if fires := h.Terms.OnRelease != lineage.Mark; fires && h.Terms.MaxNew >= 0 && out.Newly.Handoffs > h.Terms.MaxNew {
		return fmt.Errorf("%w: %d (%s), at most %d are allowed", ErrTooMany, out.Newly.Handoffs, out.Newly.routes(), h.Terms.MaxNew)
	}
	if c.Confirm != nil {
		yes, err := c.Confirm(out.Newly)
		if err != nil {
			return err
		}
		if !yes {
			return ErrDeclined
		}
	}
	order.Total = int64(out.Newly.Total)
	if err := h.save(ctx); err != nil { // the lease is still ours
		return err
	}
	reply, err := c.order(ctx, h, order)
	if err != nil {
		return fmt.Errorf("the order to switch: %w", err)
	}
	h.Switch = reply
	return h.To(ctx, Switched)
}

// switched finds out whether the order was written before, by an attempt that
// did not hear the answer. Partitions may have it still in front of them.
func (c *Conductor) switched(ctx context.Context, h *Held) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, c.Patience.Switch)
	defer cancel()
	if err := Ask(bounded, c.Conn, VerbPresent, struct{}{}, func(*Reply) error { return nil }); err != nil {
		return false, err
	}
	list, _, err := c.statuses(ctx)
	if err != nil {
		return false, err
	}
	for i := range list {
		if l := &list[i]; h.madeLive(l) {
			h.Switch = OrderReply{Seq: l.Switch, At: l.SwitchAt}
			return true, h.To(ctx, Switched)
		}
	}
	return false, nil
}

// madeLive says whether a lineage is what the change makes live, and is live.
func (h *Held) madeLive(l *LineageStatus) bool {
	return l.Workflow == h.Workflow && l.Role == lineage.Live.String() && l.Release == h.Release.Number && l.Digest == h.Release.Digest &&
		(h.Terms.InPlace() || l.ID == uint64(h.Lineage)) && l.Switch != 0
}

func (h *Held) switchOrder() *lineage.Order {
	t := &h.Terms
	o := &lineage.Order{Op: lineage.Switch, Workflow: h.Workflow, Release: h.Release, Lineage: h.Lineage, OnRelease: t.OnRelease, Keep: t.Keep,
		InPlace: t.InPlace(), Recall: t.Recall, Since: t.Since}
	if t.OnRelease == lineage.Drip {
		o.PerDay = t.PerDay
	}
	return o
}

func (n *Count) routes() string {
	var parts []string
	for route, leads := range n.ByRoute {
		parts = append(parts, fmt.Sprintf("%s %d", route, leads))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// count asks all partitions who would newly be handed over.
func (c *Conductor) count(ctx context.Context, o *lineage.Order) (n Count, err error) {
	c.Say("counting who would newly be handed over")
	bounded, cancel := context.WithTimeout(ctx, c.Patience.Switch)
	defer cancel()
	n.ByRoute = map[string]int{}
	err = Ask(bounded, c.Conn, VerbCount, o, func(r *Reply) error {
		if r.More {
			return nil
		}
		var list []Newly
		if err := json.Unmarshal(r.Body, &list); err != nil {
			return fmt.Errorf("count of engine %s: %w", r.Host, err)
		}
		for i := range list {
			n.Total += list[i].Total
			n.Handoffs += list[i].Handoffs
			n.Recalls += list[i].Recalls
			for route, leads := range list[i].ByRoute {
				n.ByRoute[route] += leads
			}
		}
		return nil
	})
	return n, err
}

// Abort gives a change up: its candidate is stopped, what runs goes on.
func (c *Conductor) Abort(ctx context.Context, h *Held) error {
	written := false
	switch h.Step {
	case Ready:
		var err error
		if written, err = c.switched(ctx, h); err != nil {
			return err
		}
	case Switched:
		list, partitions, err := c.statuses(ctx)
		if err != nil {
			return err
		}
		written = !passedOver(list, partitions, h)
	}
	if written {
		return errors.New("the switch point is written already; go on with ripen apply --continue, and back with ripen rollback")
	}
	if h.Step == Begun {
		if err := h.discard(ctx); err != nil {
			c.Say("files of the release are left on the server (%v); ripen releases purge --unlisted takes them away", err)
		}
	}
	if h.Kept || h.Step == Begun || h.Terms.InPlace() {
		return h.End(ctx)
	}
	list, _, err := Statuses(ctx, c.Conn)
	if err != nil {
		return err
	}
	stopped := map[uint64]bool{}
	for i := range list {
		l := &list[i]
		if !stopped[l.ID] && (c.candidate(h, l) || l.ID == uint64(h.Lineage) && l.Role == lineage.Building.String()) {
			if _, err := c.order(ctx, h, &lineage.Order{Op: lineage.Stop, Workflow: h.Workflow, Lineage: lineage.ID(l.ID)}); err != nil {
				return err
			}
			stopped[l.ID] = true
		}
	}
	return h.End(ctx)
}

// Verbs of changes.
const (
	VerbApply    = "apply"
	VerbPromote  = "promotion"
	VerbRollback = "rollback"
	VerbShadow   = "shadow"
)
