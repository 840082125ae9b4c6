package ledger

import (
	"encoding/binary"
	"math"

	"github.com/ripenhq/ripen/engine/lead"
)

// digest is a quick sum of words. A change of one word alone always shows, a
// change of several goes unseen once in 2^64. Of nothing but zeros it is 0.
type digest uint64

func (h *digest) word(v uint64) {
	x := (uint64(*h) ^ v) * 0x9e3779b97f4a7c15
	*h = digest(x ^ x>>29)
}

func (h *digest) text(s string) {
	h.word(uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h.word(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
	}
	var rest uint64
	for i := range len(s) {
		rest |= uint64(s[i]) << (8 * i)
	}
	h.word(rest)
}

func (h *digest) bool(v bool) {
	if v {
		h.word(1)
		return
	}
	h.word(0)
}

// marksSum is the digest of First and of the marks without Wake and Probe.
func (a *Account) marksSum() uint64 {
	var h digest
	m := &a.Marks
	flags := uint64(m.Matched) << 1
	if m.Suppressed {
		flags |= 1
	}
	h.word(flags)
	h.word(uint64(a.First))
	h.word(uint64(m.Silent))
	h.word(uint64(m.Resting))
	h.word(m.Seq)
	h.word(m.Hands)
	if m.Stage != "" {
		h.text(m.Stage)
	}
	// The numbers of elements in one word: what follows is told apart by them.
	h.word(uint64(len(m.Episodes)) | uint64(len(m.True))<<16 | uint64(len(m.Pending))<<32 | uint64(len(m.Adjusts))<<48)
	for i := range m.Episodes {
		m.Episodes[i].sum(&h)
	}
	for _, id := range m.True {
		h.word(uint64(id))
	}
	for _, p := range m.Pending {
		h.word(uint64(p.Class))
		h.word(uint64(p.Since))
		h.word(p.Hand)
	}
	for _, j := range m.Adjusts {
		h.word(j.Event)
		h.word(uint64(j.Expires))
	}
	if d := m.Drip; d != nil {
		h.word(uint64(d.Due))
		h.word(uint64(d.Route))
		h.word(d.Hands)
		h.text(d.Release)
	}
	return uint64(h)
}

func (p *Episode) sum(h *digest) {
	h.text(p.Action)
	h.word(uint64(p.Number) | uint64(p.Route)<<32)
	h.bool(p.Open)
	h.word(uint64(p.Opened))
	h.word(uint64(p.Closed))
	h.word(p.Hands)
	h.word(binary.LittleEndian.Uint64(p.Last[:8]))
	h.word(binary.LittleEndian.Uint64(p.Last[8:]))
}

// heldSum is the digest of a held event.
func heldSum(e *lead.Event) uint64 {
	var h digest
	h.text(e.ID)
	h.word(uint64(e.Kind))
	h.text(e.Name)
	h.text(e.Path)
	h.word(uint64(e.At))
	h.word(uint64(e.Received))
	h.bool(e.Backfill)
	for _, p := range [...]lead.Props{e.Props, e.Traits, e.Context} {
		h.word(uint64(len(p)))
		for i := range p {
			h.text(p[i].Name)
			h.word(uint64(p[i].Value.Kind))
			h.word(math.Float64bits(p[i].Value.Num))
			h.text(p[i].Value.Str)
		}
	}
	h.text(string(e.Raw))
	return uint64(h)
}
