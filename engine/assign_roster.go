package engine

import (
	"slices"
	"time"
)

// Times of the roster. An engine beats each second; its partitions score again
// within ten after a crash, so there is room for three beats that get lost.
const (
	beatEvery  = time.Second
	deadAfter  = 4 * time.Second        // of silence
	joinTime   = 300 * time.Millisecond // a newcomer listens before it claims
	toldTime   = 2 * time.Second        // an engine that was only read of must beat within it
	patience   = 10 * time.Second       // with an engine that does not give up what is not its own
	fencePause = 2 * time.Second        // before a lost partition is claimed again, doubled each time
	fenceMost  = time.Minute
)

// hint is what an engine tells the others of itself. It is never more than a
// hint: the truth is the fenced claim in the journal, and a hint that is wrong
// or missing costs time only.
type hint struct {
	ID      string         `json:"id"`
	Beat    uint64         `json:"beat"`
	Host    string         `json:"host,omitempty"`
	PID     int            `json:"pid,omitempty"`
	Runs    map[int]uint64 `json:"runs,omitempty"`    // partitions and the epochs of their claims, 0 while claiming
	Hello   bool           `json:"hello,omitempty"`   // asks for an answer at once
	Leaving bool           `json:"leaving,omitempty"` // drains
	Newest  int64          `json:"newest,omitempty"`  // latest event time seen, ms
}

// roster is one engine's view of the others, and what follows from it. It
// knows no clock: the caller says what time it is.
type roster struct {
	me      string
	peers   map[string]*peer
	waits   []wait // by partition
	settled time.Time
	owner   []string // as assigned last; nil before
}

type peer struct {
	hint
	seen  time.Time // when its last sign of life came
	heard bool      // it spoke since we joined
}

// wait is why a partition that is ours by right is not claimed yet.
type wait struct {
	held  time.Time // since when another engine holds it
	until time.Time // after a fence
	pause time.Duration
}

// run is what this engine does with a partition.
type run struct {
	running  bool
	stopping bool   // was told to end, and has not yet
	epoch    uint64 // of its claim, 0 before
}

func newRoster(me string, partitions int, now time.Time) *roster {
	r := &roster{me: me, peers: make(map[string]*peer), waits: make([]wait, partitions)}
	r.join(now)
	return r
}

// join begins anew after a start, a lost connection or a long sleep: what the
// others do must be heard again before anything is claimed.
func (r *roster) join(now time.Time) {
	r.settled = now.Add(joinTime)
	for _, p := range r.peers {
		p.heard, p.seen = false, now.Add(toldTime-deadAfter)
	}
}

// tell takes a hint that was stored at some time.
func (r *roster) tell(h hint, now time.Time) {
	if h.ID == r.me || r.peers[h.ID] != nil {
		return
	}
	r.peers[h.ID] = &peer{hint: h, seen: now.Add(toldTime - deadAfter)}
}

// hear takes a hint as its engine speaks. news says that it came in, began to
// leave, or gave a partition up.
func (r *roster) hear(h hint, now time.Time) (news bool) {
	if h.ID == r.me {
		return false
	}
	p := r.peers[h.ID]
	if p == nil {
		r.peers[h.ID] = &peer{hint: h, seen: now, heard: true}
		return true
	}
	if h.Beat < p.Beat {
		return false
	}
	news = !p.heard || h.Leaving != p.Leaving
	for n := range p.Runs {
		if _, still := h.Runs[n]; !still && n >= 0 && n < len(r.waits) {
			r.waits[n], news = wait{}, true
		}
	}
	p.hint, p.seen, p.heard = h, now, true
	return news
}

// lose forgets an engine that said goodbye.
func (r *roster) lose(id string) { delete(r.peers, id) }

// expire forgets engines that are silent for too long and names them.
func (r *roster) expire(now time.Time) (gone []string) {
	for id, p := range r.peers {
		if now.Sub(p.seen) > deadAfter {
			gone = append(gone, id)
			delete(r.peers, id)
		}
	}
	slices.Sort(gone)
	return gone
}

// fenced says that another engine has claimed what this one was running.
func (r *roster) fenced(p int, now time.Time) {
	w := &r.waits[p]
	w.pause = min(max(2*w.pause, fencePause), fenceMost)
	w.until = now.Add(w.pause)
}

// live are the engines that partitions are spread over, this one included.
func (r *roster) live() []string {
	names := []string{r.me}
	for id, p := range r.peers {
		if !p.Leaving {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	return names
}

// plan says which partitions to give up and which to claim now, given what
// runs. Only what is assigned to this engine is claimed, and only when nobody
// who is alive holds it.
func (r *roster) plan(now time.Time, runs []run) (drop, claim []int) {
	r.owner = assign(r.live(), len(r.waits))
	for n := range runs {
		ours, w := r.owner[n] == r.me, &r.waits[n]
		if !ours {
			w.held = time.Time{}
		}
		switch {
		case runs[n].running && !runs[n].stopping && (!ours || r.taken(n, runs[n].epoch)):
			drop = append(drop, n)
		case !runs[n].running && ours && r.free(n, now):
			claim = append(claim, n)
		}
	}
	return drop, claim
}

// taken says whether another engine runs the partition under a younger claim.
func (r *roster) taken(n int, epoch uint64) bool {
	for _, p := range r.peers {
		if e := p.Runs[n]; epoch > 0 && e > epoch {
			return true
		}
	}
	return false
}

// free says whether the partition may be claimed now.
func (r *roster) free(n int, now time.Time) bool {
	w := &r.waits[n]
	if now.Before(r.settled) || now.Before(w.until) {
		return false
	}
	held := false
	for _, p := range r.peers {
		_, runs := p.Runs[n]
		if held = held || runs; !p.heard {
			return false // it may hold more than we know
		}
	}
	if !held {
		w.held = time.Time{}
		return true
	}
	if w.held.IsZero() {
		w.held = now
	}
	return now.Sub(w.held) > patience
}

// holder names an engine that is said to run the partition, "" if none is.
func (r *roster) holder(n int) (name string) {
	for id, p := range r.peers {
		if _, runs := p.Runs[n]; runs && (name == "" || id < name) {
			name = id
		}
	}
	return name
}

// newest is the latest event time that any other engine has seen, ms.
func (r *roster) newest() (at int64) {
	for _, p := range r.peers {
		at = max(at, p.Newest)
	}
	return at
}
