//go:build failpoints

package failpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Enabled says whether this binary has failpoints.
const Enabled = true

// ErrInjected is what a point armed with "error" gives.
var ErrInjected = errors.New("injected by a failpoint")

// soonest bounds how long after its call a point of Soon acts.
const soonest = 3 * time.Millisecond

// arm is what happens at a point.
type arm struct {
	action  string
	delay   time.Duration
	nth     int // pass at which it acts, 0 = by chance
	percent int
	passes  int
}

// registry is the state of the process's points. It is global because a point
// is a place in the program, not in a value, and because this file is in no
// binary that people run.
type registry struct {
	mu    sync.Mutex
	arms  map[string]*arm
	seen  map[string]bool
	rnd   *rand.Rand
	trace *os.File
}

// values are those of RIPEN_FAILPOINTS_SET by name.
var values = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for _, one := range strings.Split(os.Getenv("RIPEN_FAILPOINTS_SET"), ";") {
		if name, text, ok := strings.Cut(strings.TrimSpace(one), "="); ok {
			m[name] = text
		}
	}
	return m
})

var points = sync.OnceValue(func() *registry {
	r, err := open(os.Getenv("RIPEN_FAILPOINTS"), os.Getenv("RIPEN_FAILPOINTS_SEED"), os.Getenv("RIPEN_FAILPOINTS_TRACE"))
	if err != nil {
		panic(err) // a test that arms nothing must not pass
	}
	return r
})

func open(spec, seed, trace string) (*registry, error) {
	r := &registry{arms: map[string]*arm{}, seen: map[string]bool{}}
	n := uint64(1)
	var err error
	if seed != "" {
		if n, err = strconv.ParseUint(seed, 10, 64); err != nil {
			return nil, fmt.Errorf("RIPEN_FAILPOINTS_SEED: found %q, expected a number", seed)
		}
	}
	r.rnd = rand.New(rand.NewPCG(n, 0xfa11))
	for _, one := range strings.Split(spec, ";") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		name, text, ok := strings.Cut(one, "=")
		a, err := parse(text)
		if !ok || err != nil {
			return nil, fmt.Errorf("RIPEN_FAILPOINTS: found %q, expected NAME=ACTION[:DURATION][@N|%%P]: %w", one, err)
		}
		r.arms[name] = a
	}
	if trace != "" {
		if r.trace, err = os.OpenFile(trace, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return nil, fmt.Errorf("RIPEN_FAILPOINTS_TRACE: %w", err)
		}
	}
	return r, nil
}

func parse(text string) (a *arm, err error) {
	a = &arm{nth: 1}
	if head, n, ok := strings.Cut(text, "@"); ok {
		text = head
		if a.nth, err = strconv.Atoi(n); err != nil || a.nth < 1 {
			return nil, fmt.Errorf("pass %q", n)
		}
	} else if head, p, ok := strings.Cut(text, "%"); ok {
		text, a.nth = head, 0
		if a.percent, err = strconv.Atoi(p); err != nil || a.percent < 1 || a.percent > 100 {
			return nil, fmt.Errorf("chance %q", p)
		}
	}
	action, delay, _ := strings.Cut(text, ":")
	a.action = action
	switch action {
	case "kill", "exit", "stop", "error":
		return a, nil
	case "sleep":
		a.delay, err = time.ParseDuration(delay)
		return a, err
	}
	return nil, fmt.Errorf("action %q", action)
}

// pass notes a pass and tells what is to happen, nil for nothing.
func (r *registry) pass(name string) *arm {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[name] {
		r.seen[name] = true
		r.write("hit " + name)
	}
	a := r.arms[name]
	if a == nil {
		return nil
	}
	a.passes++
	if a.nth > 0 && a.passes != a.nth || a.nth == 0 && r.rnd.IntN(100) >= a.percent {
		return nil
	}
	r.write("act " + name + " " + a.action)
	return a
}

// write goes straight to the file: the process may end with the next step.
func (r *registry) write(line string) {
	if r.trace != nil {
		_, _ = r.trace.WriteString(line + "\n") // a full disk is the test's own doing
	}
}

func (a *arm) do() error {
	switch a.action {
	case "kill":
		end()
	case "exit":
		os.Exit(3)
	case "stop":
		halt()
	case "sleep":
		time.Sleep(a.delay)
	case "error":
		return ErrInjected
	}
	return nil
}

// Hit marks a step of a protocol.
func Hit(name string) { _ = Err(name) }

// Soon marks a step that the caller does not wait for: what is armed there
// happens within the next milliseconds, while the caller goes on.
func Soon(name string) {
	r := points()
	a := r.pass(name)
	if a == nil {
		return
	}
	r.mu.Lock()
	wait := time.Duration(r.rnd.Int64N(int64(soonest)))
	r.mu.Unlock()
	go func() {
		time.Sleep(wait)
		_ = a.do()
	}()
}

// Err marks a step that can fail.
func Err(name string) error {
	if a := points().pass(name); a != nil {
		return a.do()
	}
	return nil
}

// Duration is a constant that a test may want smaller.
func Duration(name string, d time.Duration) time.Duration {
	text, ok := values()[name]
	if !ok {
		return d
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		panic(fmt.Errorf("RIPEN_FAILPOINTS_SET: %s: %w", name, err))
	}
	return v
}

// Number is a constant that a test may want smaller.
func Number(name string, n int) int {
	text, ok := values()[name]
	if !ok {
		return n
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Errorf("RIPEN_FAILPOINTS_SET: %s: %w", name, err))
	}
	return v
}
