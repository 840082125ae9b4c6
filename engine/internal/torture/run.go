package torture

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say how much is tortured.
type Options struct {
	Kills int    // how many processes are killed at least
	Seed  uint64 // decides everything but the instants of the machine
	// Only plays the round of Seed alone, as a failure has named it.
	Only bool
	// Faults is how many a data folder sees, Parallel how many rounds run at a
	// time; 0 takes the default.
	Faults, Parallel int

	Source string    // root of the module, to build the command from
	Dir    string    // for data folders; empty: a temporary one
	Binary string    // an engine built with failpoints; empty: it is built
	Race   bool      // builds it with the race detector
	Out    io.Writer // progress and results

	cache    string // of compiled plugins
	binary   string
	verifies bool // it has ripen journal verify
	stores   bool // it has a local store
	switches bool // releases are changed meanwhile
}

// longRun is how many kills a run must have to be asked for one at each
// failpoint and for what is beyond the failure table; a shorter one must have
// passed the failpoints.
const longRun = 300

// leastRounds visit every row.
const leastRounds = 3

// moreRounds may follow when something was not visited: whether a power loss
// finds the journal ahead of the events, say, depends on the machine's speed.
const moreRounds = 12

func (o *Options) long() bool { return o.Kills >= longRun }

// Defaults of Options.
const (
	DefaultFaults   = 9
	DefaultParallel = 2
)

// Run tortures and reports. The error says which promise was broken, and how to
// see it again.
func Run(ctx context.Context, o Options) (t *Tally, err error) {
	t = newTally()
	o.Faults, o.Parallel = cmp.Or(o.Faults, DefaultFaults), cmp.Or(o.Parallel, DefaultParallel)
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
	if o.Only {
		err = o.play(t, newSchedule(o.Seed, o.Faults, o.stores).round(o.Seed), time.Now())
		t.Print(o.Out)
		return t, err
	}
	if err := o.rounds(ctx, t); err != nil {
		return t, err
	}
	t.Print(o.Out)
	if missed := t.Missed(o.long()); len(missed) > 0 {
		return t, fmt.Errorf("never visited: %s", strings.Join(missed, ", "))
	}
	return t, nil
}

// rounds plays rounds, some at a time, until enough processes were killed. The
// first that fails ends it.
func (o *Options) rounds(ctx context.Context, t *Tally) error {
	started := time.Now()
	s := newSchedule(o.Seed, o.Faults, o.stores)
	var mu sync.Mutex
	enough := uint64(math.MaxUint64)
	next := func() *plan {
		mu.Lock()
		defer mu.Unlock()
		if t.Kills() >= o.Kills && s.n >= leastRounds && (s.n >= enough || len(t.Missed(o.long())) == 0) {
			return nil
		}
		if t.Kills() >= o.Kills && s.n >= leastRounds && enough == math.MaxUint64 {
			enough = s.n + moreRounds
		}
		return s.next()
	}
	g, ctx := errgroup.WithContext(ctx)
	for range o.Parallel {
		g.Go(func() error {
			for p := next(); p != nil && ctx.Err() == nil; p = next() {
				if err := o.play(t, p, started); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// play runs one round and tells about it.
func (o *Options) play(t *Tally, p *plan, started time.Time) error {
	begun := time.Now()
	r, err := newRound(o, t, p)
	if err == nil {
		err = r.run(p)
	}
	r.end(err != nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rounds++
	if err == nil {
		_, _ = fmt.Fprintf(o.Out, "%5.0fs round %d: %d kills in %.1fs, all is well (%s)\n", time.Since(started).Seconds(), t.rounds,
			r.kills, time.Since(begun).Seconds(), p)
		return nil
	}
	_, _ = fmt.Fprintf(o.Out, "\nround %d FAILED: %s\n%v\nhistory:\n", t.rounds, p, err)
	r.hist.print(o.Out)
	_, _ = fmt.Fprintf(o.Out, "folder: %s\nagain: make torture ROUND=%d FAULTS=%d\n", r.dir, p.seed, o.Faults)
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
	o.switches = exec.CommandContext(ctx, o.binary, "rollback", "--help").Run() == nil          //nolint:gosec // built for this
	o.verifies = exec.CommandContext(ctx, o.binary, "journal", "verify", "--help").Run() == nil //nolint:gosec // built for this
	help, err := exec.CommandContext(ctx, o.binary, "run", "--help").Output()                   //nolint:gosec // built for this
	o.stores = bytes.Contains(help, []byte("--cache-leads"))
	return err
}
