package engine_test

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/lead"
)

// pantry is a shelf in memory.
type pantry struct{ leads map[string]core.Stored }

func (p *pantry) Load(dst []byte, lead string) ([]byte, bool, error) {
	s, ok := p.leads[lead]
	return append(dst, s.State...), ok, nil
}

func (p *pantry) Due(until int64, fn func(int64, string) bool) error {
	list := slices.SortedFunc(maps.Values(p.leads), func(a, b core.Stored) int { return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Lead, b.Lead)) })
	for i := range list {
		if s := &list[i]; s.Due != 0 && s.Due <= until && !fn(s.Due, s.Lead) {
			break
		}
	}
	return nil
}

func (p *pantry) put(s core.Stored) error {
	s.State = bytes.Clone(s.State)
	p.leads[s.Lead] = s
	return nil
}

// frugal plays the events with at most cache leads in memory between batches.
func (tr *trial) frugal(events []lead.Event, batch, cache int) *result {
	shelf := &pantry{map[string]core.Stored{}}
	r := &result{core: core.New(tr.prog, core.Options{Shelf: shelf, Cache: cache, Slice: 2})}
	var out core.Output
	inputs := make([]core.Input, len(events))
	for i := range events {
		inputs[i].Event = events[i]
	}
	number := uint64(0)
	for len(inputs) > 0 {
		for part := inputs[:min(batch, len(inputs))]; len(part) > 0; number++ {
			out.Reset()
			n, err := r.core.RunSlice(part, &out)
			if err != nil {
				panic(err)
			}
			for i := range out.Changes {
				out.Changes[i].Stamp(number)
			}
			r.core.Acked(number)
			r.decisions, r.rejected = append(r.decisions, out.Decisions...), append(r.rejected, out.Rejected...)
			if err := r.core.Evict(shelf.put); err != nil {
				panic(err)
			}
			part, inputs = part[n:], inputs[n:]
		}
	}
	for key := range shelf.leads {
		if _, err := r.core.Fetch(key); err != nil {
			panic(err)
		}
	}
	return r
}

// cacheless: decisions with their explanations, rejected events and accounts
// are the same whether all leads are in memory or one.
func cacheless(tr *trial, events []lead.Event) error {
	events = ended(randflow.WithTicks(tr.seed+3, events, len(events)/8))
	want := tr.leads(tr.play(events, 1000))
	for _, batch := range []int{1, 7, 1000} {
		if err := same(want, tr.leads(tr.frugal(events, batch, 1+int(tr.seed%3)))); err != nil {
			return err
		}
	}
	return nil
}
