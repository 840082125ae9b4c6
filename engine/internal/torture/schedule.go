package torture

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// seedsPerRun is the distance between the seeds of two runs: a round's seed
// tells the run's and the number of the round.
const seedsPerRun = 1000

// schedule decides what happens, by its seed alone.
type schedule struct {
	seed   uint64
	n      uint64
	faults int // of a round
	kinds  []*kind
	stores bool // the engine has a local store
	dealt  dealt
}

func newSchedule(seed uint64, faults int, stores bool) *schedule {
	return &schedule{seed: seed * seedsPerRun, faults: faults, kinds: faultKinds(), stores: stores}
}

// next is the plan of the next round.
func (s *schedule) next() *plan {
	s.n++
	return s.deal(s.seed+s.n-1, &s.dealt)
}

// musts are what rounds of a setup do in any case. The first three setups
// together visit every row of the failure table.
var musts = [][]string{
	{"kill at commit.sent", "kill at commit.outputs", "kill at build.chunk", "kill at", "power loss", "stream full", "corrupt record"},
	{"zombie at", "server killed at commit.outputs", "cut at commit.outputs", "deaf", "power loss", "cut after bytes", "kill at"},
	{"power loss without sync", "power loss of events alone", "disk full", "disk full in a purge", "kill at", "kill at", "kill at"},
	{"one of two leaves", "second engine killed at", "kill at fork", "shadow promoted", "rolled back", "kill at", "kill at", "kill at"},
}

// turns are dealt one to a round, behind its musts: by chance alone one run in
// eight would never meet one of them.
var turns = []string{"errors", "state lost", "state old", "state damaged", "switched in place", "built from history", "forked", "one of two killed"}

// round is the plan of a seed: it deals all rounds of the run up to it.
func (s *schedule) round(seed uint64) (p *plan) {
	var dealt dealt
	for n := seed - seed%seedsPerRun; n <= seed; n++ {
		p = s.deal(n, &dealt)
	}
	return p
}

// deal makes the plan of a seed, behind the failpoints that were dealt in the run.
func (s *schedule) deal(seed uint64, dealt *dealt) *plan {
	d := &deck{rnd: rand.New(rand.NewPCG(seed, 0x707)), run: seed / seedsPerRun, round: int(seed % seedsPerRun), dealt: dealt}
	p := &plan{seed: seed, durability: "disk", partitions: 1 + d.rnd.IntN(4)}
	setup := int(seed % uint64(len(musts)))
	switch setup {
	case 0:
		p.partitions = 2 + d.rnd.IntN(3)
	case 1, 3:
		p.external = true
	case 2:
		p.durability, d.still = "process", true
	}
	for _, name := range musts[setup] {
		p.faults = append(p.faults, s.named(d, name))
	}
	fits := func(k *kind) bool {
		return (p.external && k.external || !p.external && k.embedded) && (!k.unsynced || p.durability == "process") && (!k.switches || p.durability != "process") && (!k.stores || s.stores)
	}
	if len(p.faults) < s.faults {
		p.faults = append(p.faults, d.draw(d.turn(s.inTurn(), fits)))
	}
	for len(p.faults) < s.faults {
		if k := s.any(d.rnd); fits(k) {
			p.faults = append(p.faults, d.draw(k))
		}
	}
	d.rnd.Shuffle(len(p.faults), func(i, j int) { p.faults[i], p.faults[j] = p.faults[j], p.faults[i] })
	return p
}

// named makes a fault of a kind, perhaps with its failpoint behind the name.
func (s *schedule) named(d *deck, name string) fault {
	var best *kind
	for _, k := range s.kinds {
		if strings.HasPrefix(name, k.name) && (best == nil || len(k.name) > len(best.name)) {
			best = k
		}
	}
	if best == nil {
		panic("no fault " + name)
	}
	if at := strings.TrimSpace(strings.TrimPrefix(name, best.name)); at != "" {
		return fault{kind: best, point: at, pass: 1 + d.rnd.IntN(min(8, pointNamed(at).most))}
	}
	return d.draw(best)
}

// inTurn is the kinds of turns.
func (s *schedule) inTurn() (list []*kind) {
	for _, k := range s.kinds {
		if slices.Contains(turns, k.name) {
			list = append(list, k)
		}
	}
	return list
}

// any draws a kind by weight.
func (s *schedule) any(rnd *rand.Rand) *kind {
	total := 0
	for _, k := range s.kinds {
		total += k.weight
	}
	w := rnd.IntN(total)
	for _, k := range s.kinds {
		if w -= k.weight; w < 0 {
			return k
		}
	}
	panic("weights changed")
}

// dealt is how far a run is with what has its turn.
type dealt struct {
	points cycle[*point]
	turns  cycle[*kind]
}

// cycle deals a list over and over. What does not fit a round is put aside for
// the next that it fits.
type cycle[T any] struct {
	n     int
	aside []T
}

func (c *cycle[T]) next(list []T, fits func(T) bool) T {
	if i := slices.IndexFunc(c.aside, fits); i >= 0 {
		x := c.aside[i]
		c.aside = slices.Delete(c.aside, i, i+1)
		return x
	}
	for {
		x := list[c.n%len(list)]
		c.n++
		if fits(x) {
			return x
		}
		c.aside = append(c.aside, x)
	}
}

// deck deals failpoints and kinds so that over the rounds of a run each has its
// turn, in an order of the run's own.
type deck struct {
	rnd   *rand.Rand
	run   uint64
	round int
	still bool // releases are not changed in the round
	dealt *dealt
}

func (d *deck) point() *point {
	var list []*point
	for i := range points {
		if !points[i].elsewhere {
			list = append(list, &points[i])
		}
	}
	d.shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return d.dealt.points.next(list, func(p *point) bool { return !d.still || p.change == 0 })
}

func (d *deck) turn(list []*kind, fits func(*kind) bool) *kind {
	d.shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return d.dealt.turns.next(list, fits)
}

// shuffle gives the run's order, the same in each of its rounds.
func (d *deck) shuffle(n int, swap func(i, j int)) {
	rand.New(rand.NewPCG(d.run, 0xdec)).Shuffle(n, swap)
}

// draw makes a fault of a kind.
func (d *deck) draw(k *kind) fault {
	f := fault{kind: k}
	switch k.points {
	case "any":
		p := d.point()
		f.point, f.pass = p.name, 1+d.rnd.IntN(p.most)
	case "drain":
		f.point, f.pass = []string{"drain.before", "drain.after"}[d.round/len(musts)%2], 1
	case "commit":
		list := []string{"read", "commit.before", "commit.outputs", "commit.outputs", "commit.sent", "commit.sent", "commit.acked"}
		p := pointNamed(list[d.rnd.IntN(len(list))])
		f.point, f.pass = p.name, 1+d.rnd.IntN(p.most)
	}
	return f
}
