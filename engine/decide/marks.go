package decide

import (
	"slices"

	"github.com/ripenhq/ripen/engine/ledger"
)

// Raise notes a hand-raise of the class (id).
func Raise(m *ledger.Marks, class uint32, at int64) {
	m.Hands++
	i, found := slices.BinarySearchFunc(m.Pending, class, func(p ledger.Pending, id uint32) int { return int(int64(p.Class) - int64(id)) })
	if !found {
		m.Pending = slices.Insert(slices.Clone(m.Pending), i, ledger.Pending{Class: class, Since: at, Hand: m.Hands})
		return
	}
	m.Pending = slices.Clone(m.Pending)
	m.Pending[i].Hand = m.Hands
}

// IsPending says whether a hand-raise of the class (id) waits for an answer.
func IsPending(m *ledger.Marks, class uint32) bool {
	for i := range m.Pending {
		if m.Pending[i].Class == class {
			return true
		}
	}
	return false
}

// IsOpen says whether an episode of the action is open.
func IsOpen(m *ledger.Marks, action string) bool {
	e := episode(m, action)
	return e != nil && e.Open
}

func episode(m *ledger.Marks, action string) *ledger.Episode {
	for i := range m.Episodes {
		if m.Episodes[i].Action == action {
			return &m.Episodes[i]
		}
	}
	return nil
}

// ensureEpisode finds or makes the action's episode.
func ensureEpisode(m *ledger.Marks, action string) *ledger.Episode {
	if e := episode(m, action); e != nil {
		return e
	}
	i := 0
	for i < len(m.Episodes) && m.Episodes[i].Action < action {
		i++
	}
	m.Episodes = slices.Insert(m.Episodes, i, ledger.Episode{Action: action})
	return &m.Episodes[i]
}

func (p *Policy) isSales(action string) bool { return slices.Contains(p.Sales, action) }

// openSales is the open episode of a sales action, nil if there is none.
func (p *Policy) openSales(m *ledger.Marks) *ledger.Episode {
	for i := range m.Episodes {
		if m.Episodes[i].Open && p.isSales(m.Episodes[i].Action) {
			return &m.Episodes[i]
		}
	}
	return nil
}
