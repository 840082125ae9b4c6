package engine

import (
	"encoding/binary"
	"errors"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/wasm"
)

// errHealth says that the breakers in a record cannot be read.
var errHealth = errors.New("state of the circuit breakers in the journal cannot be read")

// breakers lists the circuit breakers of a crew, in the order of its steps,
// each step's fallback behind it. Scorers that have none are passed over.
func (c *Crew) breakers() (list []*wasm.Scorer) {
	for i := range c.Scorers {
		for _, s := range []any{c.Scorers[i], c.Backups[i]} {
			if b, ok := s.(*wasm.Scorer); ok {
				list = append(list, b)
			}
		}
	}
	return list
}

// appendHealth writes the circuit breakers: what they will turn away depends on
// it, so it is part of the commit. A crew whose breakers all rest writes
// nothing.
func appendHealth(dst []byte, c *Crew) []byte {
	from, resting := len(dst), true
	for _, s := range c.breakers() {
		b := s.Breaker()
		resting = resting && b == wasm.Breaker{}
		open := byte(0)
		if b.Open {
			open = 1
		}
		dst = append(dst, open)
		dst = binary.AppendUvarint(dst, uint64(b.Failed))
		dst = binary.AppendUvarint(dst, uint64(b.Skipped))
	}
	if resting {
		return dst[:from]
	}
	return dst
}

// restoreHealth puts the circuit breakers back. After a change of the workflow's
// steps they start closed: what failed was another crew.
func restoreHealth(b []byte, c *Crew) error {
	list := c.breakers()
	states := make([]wasm.Breaker, len(list))
	for i := range states {
		if len(b) == 0 {
			break
		}
		failed, n := binary.Uvarint(b[1:])
		if n <= 0 {
			return errHealth
		}
		skipped, m := binary.Uvarint(b[1+n:])
		if m <= 0 || failed > 1<<31 || skipped > 1<<31 {
			return errHealth
		}
		states[i] = wasm.Breaker{Open: b[0] == 1, Failed: int(failed), Skipped: int(skipped)}
		b = b[1+n+m:]
	}
	if len(b) > 0 {
		return nil
	}
	for i, s := range list {
		s.SetBreaker(states[i])
	}
	return nil
}

// tellBreakers says which circuit breakers have opened or closed.
func (p *partition) tellBreakers(c *Crew, m *lineage.Member) {
	for _, s := range c.breakers() {
		b, news := s.News()
		if !news {
			continue
		}
		log := p.log.With("workflow", m.Workflow, "release", m.Release.Number, "step", s.Step())
		if b.Open {
			log.Warn("a circuit breaker has opened: the plugin failed too often in a row; its inputs are turned away, but for one in 1,024 that is tried", "failed", b.Failed)
		} else {
			log.Info("a circuit breaker has closed: the plugin has answered again")
		}
	}
}
