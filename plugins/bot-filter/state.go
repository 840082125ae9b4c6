package main

import "encoding/binary"

// The state of a lead is what was found so far and the mails that are under
// way. It knows nothing of the configuration, so that a new release keeps it:
//
//	u8  version   u8 mails   u8 ever: 1 if anything was found   u8 0
//	u32 found     for each reason
//	mails, the one that is longest known first:
//	  u64 key   i64 delivered, ms, 0 = not seen   u8 hits
//	  hits, by time: u64 event   i64 at, ms   u64 link, 0 = unknown   u8 kind
//
// It is bounded: a lead has at most maxMails mails under way, each with its last
// maxHits opens and clicks. Whoever has more forgets the oldest.
const (
	stateVersion = 1
	stateHead    = 4 + 4*int(reasons)
	mailHead     = 17
	hitSize      = 25
	maxMails     = 8
	maxHits      = 12
	stateMax     = stateHead + maxMails*(mailHead+maxHits*hitSize)
)

// reason says why an event is a robot's.
type reason uint8

const (
	byAgent    reason = iota // its user agent says so
	byNetwork                // it comes from a data centre
	byHoneypot               // it followed a link that people do not see
	byHaste                  // it came at once
	byBurst                  // it clicked everything

	reasons
	human = reasons
)

// Kinds of a hit, as bits.
const (
	isClick  uint8 = 1 << iota
	isTrap         // the link is a honeypot
	isRobots       // hidden, or its awards were taken back
	kindMask = isClick | isTrap | isRobots
)

// hit is an open or a click.
type hit struct {
	event uint64
	at    int64
	link  uint64
	kind  uint8
}

// mail is one message to the lead.
type mail struct {
	key       uint64
	delivered int64
	n         int
	hits      [maxHits]hit
}

// last is the time of the newest thing that is known of it.
func (m *mail) last() int64 {
	if m.n > 0 {
		return max(m.delivered, m.hits[m.n-1].at)
	}
	return m.delivered
}

// memory is the state of the lead in hand, as scratch.
type memory struct {
	found [reasons]uint32
	ever  bool // anything was found
	n     int
	mails [maxMails]mail
	spare mail // stands in for a mail that there is no room for
	bytes [stateMax]byte
}

// everFound says whether a state has found anything, without reading it all.
func everFound(blob []byte) bool {
	return len(blob) >= stateHead && blob[0] == stateVersion && blob[2] == 1
}

// load reads a state. One that it did not write is as good as none.
func (m *memory) load(blob []byte) {
	if !m.decode(blob) {
		m.n, m.ever = 0, false
		clear(m.found[:])
	}
}

func (m *memory) decode(blob []byte) bool {
	if len(blob) < stateHead || blob[0] != stateVersion || blob[1] > maxMails || blob[2] > 1 || blob[3] != 0 {
		return false
	}
	any := uint32(0)
	for i := range m.found {
		m.found[i] = binary.LittleEndian.Uint32(blob[4+4*i:])
		any |= m.found[i]
	}
	if m.ever = blob[2] == 1; m.ever != (any != 0) {
		return false
	}
	m.n = int(blob[1])
	rest, ok := blob[stateHead:], true
	for i := range m.n {
		if rest, ok = m.mails[i].decode(rest); !ok {
			return false
		}
	}
	return len(rest) == 0
}

func (m *mail) decode(b []byte) (rest []byte, ok bool) {
	if len(b) < mailHead || b[16] > maxHits {
		return nil, false
	}
	m.key, m.delivered, m.n = binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:])), int(b[16])
	b = b[mailHead:]
	if len(b) < m.n*hitSize {
		return nil, false
	}
	for i := range m.n {
		h := hit{binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:])), binary.LittleEndian.Uint64(b[16:]), b[24]}
		if h.kind&^kindMask != 0 || i > 0 && h.at < m.hits[i-1].at {
			return nil, false
		}
		m.hits[i], b = h, b[hitSize:]
	}
	return b, true
}

// encode gives the state, empty if there is nothing to remember. It is valid
// until the next call.
func (m *memory) encode() []byte {
	if m.n == 0 && !m.ever {
		return nil
	}
	b := append(m.bytes[:0], stateVersion, byte(m.n), 0, 0)
	if m.ever {
		b[2] = 1
	}
	for _, n := range m.found {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	for i := range m.n {
		v := &m.mails[i]
		b = binary.LittleEndian.AppendUint64(b, v.key)
		b = append(binary.LittleEndian.AppendUint64(b, uint64(v.delivered)), byte(v.n))
		for k := range v.n {
			h := &v.hits[k]
			b = binary.LittleEndian.AppendUint64(b, h.event)
			b = binary.LittleEndian.AppendUint64(b, uint64(h.at))
			b = append(binary.LittleEndian.AppendUint64(b, h.link), h.kind)
		}
	}
	return b
}

// forget drops the mails of which nothing is newer than that time.
func (m *memory) forget(before int64) {
	kept := 0
	for i := range m.n {
		if m.mails[i].last() < before {
			continue
		}
		if kept != i {
			m.mails[kept] = m.mails[i]
		}
		kept++
	}
	m.n = kept
}

// mail finds the mail of that key, or begins to remember it. Without room the
// mail that has been quiet for longest goes; that may be this one, of which
// something came very late.
func (m *memory) mail(key uint64, at int64) *mail {
	oldest := 0
	for i := range m.n {
		if m.mails[i].key == key {
			return &m.mails[i]
		}
		if m.mails[i].last() < m.mails[oldest].last() {
			oldest = i
		}
	}
	to := &m.spare
	switch {
	case m.n < maxMails:
		to = &m.mails[m.n]
		m.n++
	case m.mails[oldest].last() <= at:
		copy(m.mails[oldest:], m.mails[oldest+1:])
		to = &m.mails[maxMails-1]
	}
	to.key, to.delivered, to.n = key, 0, 0
	return to
}

// add remembers a hit in its place by time and says where; -1 if it is older
// than all of as many as there is room for.
func (m *mail) add(h hit) (at int) {
	if m.n == maxHits {
		if h.at < m.hits[0].at {
			return -1
		}
		copy(m.hits[:], m.hits[1:])
		m.n--
	}
	at = m.n
	for at > 0 && m.hits[at-1].at > h.at {
		m.hits[at] = m.hits[at-1]
		at--
	}
	m.hits[at] = h
	m.n++
	return at
}
