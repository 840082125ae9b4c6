package torture

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options say how much is tortured.
type Options struct {
	Kills int    // how many processes are killed at least
	Seed  uint64 // decides everything but the instants of the machine
	// Only plays the round of Seed alone, as a failure has named it.
	Only   bool
	Source string    // root of the module, to build the command from
	Dir    string    // for data folders; empty: a temporary one
	Binary string    // an engine built with failpoints; empty: it is built
	Race   bool      // builds it with the race detector
	Short  bool      // failpoints need to be passed, not killed at
	Out    io.Writer // progress and results

	cache    string // of compiled plugins
	binary   string
	verifies bool
}

// faultsPerRound is how many faults a data folder sees.
const faultsPerRound = 9

// Run tortures and reports. The error says which promise was broken, and how to
// see it again.
func Run(ctx context.Context, o Options) (t *Tally, err error) {
	t = newTally()
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "ripen-torture-"); err != nil {
			return t, err
		}
		defer func() {
			if err == nil {
				err = os.RemoveAll(o.Dir)
			}
		}()
	}
	if err := o.prepare(ctx); err != nil {
		return t, err
	}
	started := time.Now()
	s := newSchedule(o.Seed)
	for t.Kills() < o.Kills || t.rounds < s.least() {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		p := s.round(o.Only)
		if err := o.play(t, p, started); err != nil {
			return t, err
		}
		if o.Only {
			return t, nil
		}
	}
	t.Print(o.Out)
	if missed := t.Missed(!o.Short); len(missed) > 0 {
		return t, fmt.Errorf("never visited: %s", strings.Join(missed, ", "))
	}
	return t, nil
}

// play runs one round and tells about it.
func (o *Options) play(t *Tally, p *plan, started time.Time) error {
	begun, before := time.Now(), t.Kills()
	r, err := newRound(o, t, p)
	if err == nil {
		err = r.run(p)
	}
	t.rounds++
	if r != nil {
		r.end(err != nil)
	}
	if err == nil {
		_, _ = fmt.Fprintf(o.Out, "%5.0fs round %d: %d kills in %.1fs, all is well (%s)\n", time.Since(started).Seconds(), t.rounds,
			t.Kills()-before, time.Since(begun).Seconds(), p)
		return nil
	}
	_, _ = fmt.Fprintf(o.Out, "\nround %d FAILED: %s\n%v\n", t.rounds, p, err)
	if r != nil {
		_, _ = fmt.Fprintf(o.Out, "history:\n")
		r.hist.print(o.Out)
		_, _ = fmt.Fprintf(o.Out, "folder: %s\nagain: make torture ROUND=%d\n", r.dir, p.seed)
	}
	return fmt.Errorf("round of seed %d: %w", p.seed, err)
}

// prepare builds the command and the cache of its plugins.
func (o *Options) prepare(ctx context.Context) error {
	o.cache = filepath.Join(o.Dir, "cache")
	if o.binary = o.Binary; o.binary == "" {
		o.binary = filepath.Join(o.Dir, "ripen")
		args := []string{"build", "-tags", "failpoints", "-o", o.binary}
		if o.Race {
			args = append(args, "-race")
		}
		cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/ripen")...) //nolint:gosec // our own source
		cmd.Dir = o.Source
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build the command: %w\n%s", err, out)
		}
	}
	flow := filepath.Join(o.Dir, "flow")
	if err := os.MkdirAll(flow, 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(flow, "workflow.hcl"), workflow, 0o600); err != nil {
		return err
	}
	events := filepath.Join(o.Dir, "none.ndjson")
	if err := os.WriteFile(events, nil, 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, o.binary, "score", "-w", flow, "--cache", o.cache, events).CombinedOutput(); err != nil { //nolint:gosec // built for this
		return fmt.Errorf("the workflow: %w\n%s", err, out)
	}
	o.verifies = exec.CommandContext(ctx, o.binary, "journal", "verify", "--help").Run() == nil //nolint:gosec // built for this
	return nil
}

// schedule decides what happens, by its seed alone.
type schedule struct {
	seed  uint64
	n     uint64
	kinds []*kind
}

func newSchedule(seed uint64) *schedule { return &schedule{seed: seed, kinds: faultKinds()} }

// least is the number of rounds that visit every row.
func (s *schedule) least() int { return 3 }

// round draws the next round. The first three of every four together visit every
// row of the table; its own seed decides the rest.
func (s *schedule) round(only bool) *plan {
	seed := s.seed
	if !only {
		seed = s.seed*1000 + s.n
		s.n++
	}
	rnd := rand.New(rand.NewPCG(seed, 0x707))
	p := &plan{seed: seed, durability: "disk", partitions: 1 + rnd.IntN(4)}
	must := []string{}
	switch seed % 4 {
	case 0:
		must = []string{"power loss", "stream full", "corrupt record"}
		p.partitions = 2 + rnd.IntN(3)
	case 1:
		p.external = true
		must = []string{"zombie at", "server killed at", "cut at", "deaf", "power loss", "cut after bytes"}
	case 2:
		p.durability = "process"
		must = []string{"power loss without sync", "power loss without sync", "disk full"}
	case 3:
		p.external = rnd.IntN(3) > 0
	}
	for _, name := range must {
		p.faults = append(p.faults, s.named(rnd, name))
	}
	for len(p.faults) < faultsPerRound {
		if k := s.any(rnd); (p.external && k.external || !p.external && k.embedded) && (!k.unsynced || p.durability == "process") {
			p.faults = append(p.faults, draw(rnd, k))
		}
	}
	rnd.Shuffle(len(p.faults), func(i, j int) { p.faults[i], p.faults[j] = p.faults[j], p.faults[i] })
	return p
}

func (s *schedule) named(rnd *rand.Rand, name string) fault {
	for _, k := range s.kinds {
		if k.name != name {
			continue
		}
		f := draw(rnd, k)
		if name == "cut at" || name == "server killed at" { // the row is about the middle of a batch
			f.point, f.pass = "commit.outputs", 1+rnd.IntN(8)
		}
		return f
	}
	panic("no fault " + name)
}

// any draws a kind by weight.
func (s *schedule) any(rnd *rand.Rand) *kind {
	total := 0
	for _, k := range s.kinds {
		total += k.weight
	}
	for w := rnd.IntN(total); ; {
		for _, k := range s.kinds {
			if w -= k.weight; w < 0 {
				return k
			}
		}
	}
}
