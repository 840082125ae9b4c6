// botlike hides what only a robot does: opens and clicks within seconds of the
// delivery. A click that comes too fast also takes back what the open before
// it was given. It is a small example of CapVoid and CapState and proves that
// the contract can express a bot filter; it is not shipped.
package main

import (
	"encoding/binary"

	"github.com/ripenhq/ripen/sdk"
)

func main() {}

func init() { sdk.Register(plugin) }

var plugin = sdk.Plugin{Caps: sdk.CapState | sdk.CapVoid, StateMax: stateSize, StateVersion: 1, Configure: configure}

// The state is when the last mail was delivered (ms) and the hash of the last
// open since then.
const stateSize = 16

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	return &scorer{
		event:  n.Event(sdk.Exact("Email Delivered", "Email Opened", "Email Link Clicked")...),
		human:  cfg.Millis("human_after", 2000),
		hidden: n.Flag("robot"),
	}, nil
}

const (
	delivered = iota + 1
	opened
	clicked
)

type scorer struct {
	event   sdk.Enum
	human   int64 // ms that a person needs at least
	hidden  sdk.Flag
	scratch [stateSize]byte
}

// Score hides an event that follows its delivery too fast.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	var sent int64
	var open uint64
	if b := in.State(); len(b) == stateSize {
		sent, open = int64(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint64(b[8:])
	}
	what, _ := in.Enum(s.event)
	switch {
	case what == delivered:
		s.keep(out, in.At(), 0)
	case what == 0 || sent == 0 || in.At()-sent >= s.human:
		if what == opened {
			s.keep(out, sent, in.EventHash())
		}
	default:
		out.Hide()
		out.Flag(s.hidden, true)
		if what == clicked && open != 0 {
			out.VoidEvent(open)
			s.keep(out, sent, 0)
		}
	}
	return nil
}

func (s *scorer) keep(out *sdk.Output, sent int64, open uint64) {
	binary.LittleEndian.PutUint64(s.scratch[:], uint64(sent))
	binary.LittleEndian.PutUint64(s.scratch[8:], open)
	out.SetState(s.scratch[:])
}
