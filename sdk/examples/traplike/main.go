// traplike breaks on purpose: events say how it is to fail. It awards points
// otherwise and counts what it saw in its state, so that an input that failed
// shows if it left anything behind. It proves that a broken input stays alone,
// whatever round it travelled in; it is not shipped.
package main

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/ripenhq/ripen/sdk"
)

func main() {}

func init() { sdk.Register(plugin) }

var plugin = sdk.Plugin{Caps: sdk.CapState | sdk.CapTimers, StateMax: stateSize, StateVersion: 1, Configure: configure}

// The state is how many inputs were scored, and how the timer is to fail.
const stateSize = 9

// ways are what the property "crash" (at once) or "crash_later" (on the timer)
// can say.
var ways = []string{"panic", "loop", "memory", "stack", "soft", "fine"}

const (
	wayPanic = iota + 1
	wayLoop
	wayMemory
	wayStack
	waySoft
)

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	return &scorer{
		crash:  n.Prop("crash", sdk.Exact(ways...)...),
		later:  n.Prop("crash_later", sdk.Exact(ways...)...),
		after:  cfg.Millis("after", 3_600_000),
		points: cfg.Points("points", 1000),
		seen:   n.Rule(sdk.Rule{Name: "seen", Template: "{label}", Node: cfg.Node(), Max: cfg.Points("points", 1000)}),
		woken:  n.Rule(sdk.Rule{Name: "woken", Template: "woken", Node: cfg.Node(), Max: cfg.Points("points", 1000)}),
		tenth:  n.Flag("tenth"),
	}, nil
}

type scorer struct {
	crash, later sdk.Enum
	after        int64 // ms until a timer
	points       int64
	seen, woken  sdk.RuleID
	tenth        sdk.Flag
	scratch      [stateSize]byte
	ground       []byte
}

// Score fails as the input says, and awards otherwise.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	var n uint64
	var later byte
	if b := in.State(); len(b) == stateSize {
		n, later = binary.LittleEndian.Uint64(b), b[8]
	}
	way, rule := 0, s.woken
	if in.IsTimer() {
		way, later = int(later), 0
	} else {
		way, _ = in.Enum(s.crash)
		rule = s.seen
		if l, _ := in.Enum(s.later); l != 0 {
			later = byte(l)
		}
	}
	n++
	out.Award(rule, s.points) // a failed input must take this back
	out.Flag(s.tenth, n%10 == 0)
	if later != 0 {
		out.Wake(in.Now() + s.after)
	}
	binary.LittleEndian.PutUint64(s.scratch[:], n)
	s.scratch[8] = later
	out.SetState(s.scratch[:])
	return s.fail(way)
}

func (s *scorer) fail(way int) error {
	switch way {
	case wayPanic:
		panic("asked to")
	case wayLoop:
		for i := 0; ; i++ {
			s.scratch[i&7]++
		}
	case wayMemory:
		s.ground = unsafe.Slice((*byte)(unsafe.Pointer(&s.scratch[0])), 1<<30)
		s.ground[1<<30-1] = 1 // far behind the end of the memory
	case wayStack:
		s.scratch[0] = byte(deep(1))
	case waySoft:
		return errors.New("asked to")
	}
	return nil
}

//go:noinline
func deep(n int) int {
	var wide [256]int
	wide[n&255] = n
	return deep(n+1) + wide[(n+1)&255]
}
