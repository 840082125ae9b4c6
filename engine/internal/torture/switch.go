package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ripenhq/ripen/engine/natsd"
)

// switcher changes what runs, again and again, while everything else goes
// wrong: with the product's own commands, which fail whenever an engine or a
// server dies on them. The releases say the same in other words, so that
// nothing that leads see may ever differ from what one of them makes alone.
type switcher struct {
	r      *round
	rnd    *rand.Rand
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	flip   int
	wanted atomic.Int32 // a change: what is to be done now, 0 for whatever comes
	acting sync.Mutex
	broken bool   // the last command failed, and may have left something half done
	said   string // what it said
}

// change is one way to change what runs.
type change int32

// The changes; some come twice as often.
const (
	inPlace change = iota + 1
	build
	fork
	shadow
	back
)

var changes = []change{inPlace, inPlace, build, fork, shadow, back}

// otherWords are what the second release says differently.
var otherWords = [][2]string{
	{"when = recent >= 45", "when = !(recent < 45)"},
	{`window = "20d"`, `window = "480h"`},
}

// writeFlows writes the folders of both releases.
func (r *round) writeFlows() error {
	other := workflow
	for _, w := range otherWords {
		other = bytes.Replace(other, []byte(w[0]), []byte(w[1]), 1)
	}
	for dir, text := range map[string][]byte{r.flow(): workflow, r.path("other"): other} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "workflow.hcl"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startSwitcher begins, unless a power loss may take back what was ordered.
func (r *round) startSwitcher() {
	if !r.opts.switches || r.durability == "process" {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &switcher{r: r, rnd: rand.New(rand.NewPCG(r.seed, 3)), cancel: cancel, done: make(chan struct{})}
	r.switcher = s
	go func() {
		defer close(s.done)
		naps := rand.New(rand.NewPCG(r.seed, 4)) // s.rnd belongs to whoever makes a change
		for ctx.Err() == nil {
			s.change(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(100+naps.IntN(500)) * time.Millisecond):
			}
		}
	}()
}

// stop ends the changes; what was begun is given up.
func (s *switcher) stop() {
	if s == nil {
		return
	}
	s.once.Do(func() {
		s.cancel()
		<-s.done
		s.settle(context.Background())
	})
}

// pause lets nothing be ordered until the function that it gives is called.
func (s *switcher) pause() (goOn func()) {
	if s == nil {
		return func() {}
	}
	s.acting.Lock()
	return s.acting.Unlock
}

// insist lets nothing but one change be made until the function that it gives
// is called.
func (s *switcher) insist(what change) (enough func()) {
	if s == nil || what == 0 {
		return func() {}
	}
	s.wanted.Store(int32(what))
	return func() { s.wanted.Store(0) }
}

// change makes one change of what runs.
func (s *switcher) change(ctx context.Context) {
	s.acting.Lock()
	defer s.acting.Unlock()
	what := changes[s.rnd.IntN(len(changes))]
	if wanted := change(s.wanted.Load()); wanted != 0 {
		what = wanted
	}
	s.make(ctx, what)
}

// changeRelease makes a change while nothing else goes wrong: then it must
// succeed, whatever went wrong before.
func changeRelease(what change) func(*round, *fault) error {
	return func(r *round, _ *fault) error {
		if err := r.ensure(); err != nil {
			return err
		}
		s := r.switcher
		s.acting.Lock()
		defer s.acting.Unlock()
		ctx, cancel := within()
		defer cancel()
		for ctx.Err() == nil {
			if what == back { // so that there is something to go back to
				s.make(ctx, build)
			}
			if s.make(ctx, what) {
				return nil
			}
		}
		return fmt.Errorf("it does not succeed: %s", s.said)
	}
}

// make makes a change, with its parts, and says whether it is made.
func (s *switcher) make(ctx context.Context, what change) bool {
	if what != back {
		s.flip++
	}
	dir := s.r.path("other")
	if s.flip%2 == 0 {
		dir = s.r.flow()
	}
	keep := []string{"0s", "6h", "7d"}[s.rnd.IntN(3)]
	switch what {
	case inPlace:
		return s.run(ctx, RowInPlace, "apply", dir, "--yes", "--no-rescore", "--keep", "0s")
	case build:
		return s.run(ctx, RowBuilt, "apply", dir, "--yes", "--keep", keep)
	case fork:
		return s.run(ctx, RowForked, "apply", dir, "--yes", "--no-rescore", "--keep", "6h")
	case shadow:
		started := s.run(ctx, "", "shadow", "start", dir) || strings.Contains(s.said, "runs as a shadow already") // of a promotion that failed
		return started && s.promote(ctx)
	default:
		return s.run(ctx, RowBack, "rollback", "--yes", "--keep", keep)
	}
}

// promote makes a shadow live, and ends the others.
func (s *switcher) promote(ctx context.Context) bool {
	out := s.output(ctx, "shadow", "list", "--json")
	for line := range bytes.Lines(out) {
		var one struct {
			Release json.Number `json:"release"`
		}
		if json.Unmarshal(line, &one) == nil && one.Release != "" && s.run(ctx, RowPromoted, "promote", one.Release.String(), "--yes", "--keep", "6h") {
			return true
		}
	}
	return false
}

// run runs a command for at most some seconds, and says whether it succeeded and
// had something to do; then row is visited.
func (s *switcher) run(ctx context.Context, row Row, args ...string) bool {
	out := s.output(ctx, args...)
	if out == nil || bytes.Contains(out, []byte("nothing changes")) {
		return false
	}
	if row != "" {
		s.r.tally.row(row)
	}
	return true
}

// settling are the flags of apply that end a change which was left.
var settling = []string{"--abort", "--continue"}

// settle does what the product advises when a change was left before its end.
func (s *switcher) settle(ctx context.Context) {
	if !s.run(ctx, "", "apply", "--abort") && strings.Contains(s.said, "--continue") {
		s.run(ctx, "", "apply", "--continue", "--yes")
	}
}

// patienceOfCommand is long enough for a change to outlive some kills.
const patienceOfCommand = 20 * time.Second

// output is what a command prints, nil if it fails. One that hangs on an engine
// that is gone is killed: that is part of it.
func (s *switcher) output(ctx context.Context, args ...string) []byte {
	if s.broken && !slices.Contains(settling, args[1]) {
		s.settle(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, patienceOfCommand)
	defer cancel()
	where := s.where()
	if where == "" {
		return nil
	}
	full := append(append([]string{}, args...), "--nats", where)
	cmd := exec.CommandContext(bounded, s.r.opts.binary, full...) //nolint:gosec // built for this
	cmd.Env = append(os.Environ(), "RIPEN_CACHE="+s.r.opts.cache)
	out, err := cmd.CombinedOutput()
	s.said = fmt.Sprintf("%v: %v %s", args, err, lastLine(out))
	s.r.note("%s", s.said)
	if s.broken = err != nil; s.broken {
		return nil
	}
	return append(out, '\n')
}

// where is the address of the server, with the operator's login. Not the data
// folder: a command would run a server of its own on it while no engine does.
func (s *switcher) where() string {
	if s.r.server != nil {
		return s.r.server.url()
	}
	a, err := natsd.ReadAdmin(s.r.data())
	if err != nil {
		return ""
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		return ""
	}
	u.User = url.UserPassword(a.User, a.Password)
	return u.String()
}

func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}
