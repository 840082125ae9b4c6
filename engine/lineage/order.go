package lineage

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Release names one release of a workflow.
type Release struct {
	Number uint32 `json:"number"`
	Digest string `json:"digest,omitempty"` // of its bundle, SHA-256 in hex
	Model  string `json:"model"`            // digest of the compiled model, in hex
}

// Op says what an order does.
type Op string

// What orders do.
const (
	Start  Op = "start"  // begins a lineage
	Switch Op = "switch" // makes a lineage the live one of its workflow
	Stop   Op = "stop"   // ends a lineage
)

// Origin says where a lineage has its state from.
type Origin string

// The origins.
const (
	FromEmpty   Origin = "empty"   // from nothing; live at once
	FromHistory Origin = "history" // from all events that the stream still has
	FromFork    Origin = "fork"    // from the live lineage as it is at the order
)

// What happens at a switch to leads for which a route is newly true.
const (
	Fire = "fire" // it is decided at the switch
	Mark = "mark" // its episode is opened silently
	Drip = "drip" // it is decided later, so many a day
)

// Order is the body of a control message of type journal.ControlRelease. All
// partitions obey it at its position in the stream.
type Order struct {
	Op       Op      `json:"op"`
	Workflow string  `json:"workflow"`
	Release  Release `json:"release,omitzero"`
	// Lineage is the one that a switch or a stop is about; a start names its own
	// by its sequence in the stream.
	Lineage ID `json:"lineage,omitempty"`

	// Of a start.
	Origin Origin `json:"origin,omitempty"`
	Cut    int64  `json:"cut,omitempty"` // ms: see Descriptor
	// First marks the start of a workflow's very first lineage: it is passed over
	// where the workflow has one, so that any engine may write it, and partitions
	// without any lineage begin with it, wherever in the stream it stands.
	First bool `json:"first,omitempty"`

	// Of a switch.
	OnRelease string `json:"onRelease,omitempty"` // fire, mark or drip; empty is fire
	PerDay    int64  `json:"perDay,omitempty"`    // of a drip
	Total     int64  `json:"total,omitempty"`     // of a drip: how many leads are newly true in all partitions
	Keep      int64  `json:"keep,omitempty"`      // ms that the replaced lineage goes on as a shadow; 0 = it ends
	InPlace   bool   `json:"inPlace,omitempty"`   // the live lineage itself goes on with Release
	Recall    bool   `json:"recall,omitempty"`    // hand-offs that the lineage would not have made are recalled,
	Since     int64  `json:"since,omitempty"`     // those opened at this time, ms, or later
}

// Bounds of what an order says, so that no time computed from it overflows.
const (
	mostLeads = 100_000_000_000
	mostKeep  = 1000 * 365 * 86_400_000 // ms
)

// Encode writes the order as a control message holds it.
func (o *Order) Encode() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

// DecodeOrder reads the body of a control message.
func DecodeOrder(data []byte) (*Order, error) {
	o := &Order{}
	if err := json.Unmarshal(data, o); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOrder, err)
	}
	return o, o.check()
}

// check says what is wrong with an order.
func (o *Order) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s of workflow %q: %s", ErrOrder, o.Op, o.Workflow, fmt.Sprintf(format, args...))
	}
	switch {
	case o.Workflow == "":
		return bad("it names no workflow")
	case o.Op != Start && o.Op != Switch && o.Op != Stop:
		return bad("expected %s, %s or %s", Start, Switch, Stop)
	case o.Op == Start && o.Origin != FromEmpty && o.Origin != FromHistory && o.Origin != FromFork:
		return bad("origin %q, expected %s", o.Origin, strings.Join([]string{string(FromEmpty), string(FromHistory), string(FromFork)}, ", "))
	case o.Op != Start && o.Lineage == 0 && !o.InPlace:
		return bad("it names no lineage")
	case (o.Op == Start || o.InPlace) && (o.Release.Number == 0 || o.Release.Model == ""):
		return bad("it names no release")
	case o.OnRelease != "" && o.OnRelease != Fire && o.OnRelease != Mark && o.OnRelease != Drip:
		return bad("on_release %q, expected %s, %s or %s", o.OnRelease, Fire, Mark, Drip)
	case o.OnRelease == Drip && o.PerDay <= 0:
		return bad("a drip of %d leads a day", o.PerDay)
	case o.Total < 0 || o.Total > mostLeads:
		return bad("%d leads are newly true, expected 0 to %d", o.Total, mostLeads)
	case o.Keep < 0 || o.Keep > mostKeep || o.InPlace && o.Keep != 0:
		return bad("keep of %d ms", o.Keep)
	case o.Cut < 0:
		return bad("a cut at %d ms", o.Cut)
	}
	return nil
}
