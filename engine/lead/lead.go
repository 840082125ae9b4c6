// Package lead is the vocabulary of Ripen: events, values, points, decisions.
//
// It imports nothing of ours, knows no file format and no transport, and never
// reads a clock: every time in it is int64 milliseconds since 1970 UTC and
// comes with the event.
package lead

// Kind says which call of the Segment spec an event came from.
type Kind uint8

// The kinds of events. Tick is no event of a lead: it only carries time.
const (
	KindUnknown Kind = iota
	Track
	Identify
	Group
	Page
	Screen
	Alias
	Tick
)

var kindNames = [...]string{"unknown", "track", "identify", "group", "page", "screen", "alias", "tick"}

// String returns the Segment name of the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

// Event is one thing a lead did or one set of facts about it.
//
// An Event is read-only after intake. Its strings may alias the buffer that it
// was decoded from; whoever keeps one beyond the micro-batch clones it.
type Event struct {
	ID   string // messageId: with Lead the key of deduplication
	Lead string // userId, else anonymousId; empty on a Tick
	Kind Kind
	// Name is the event name of a Track ("Email Opened"), the page or screen
	// name otherwise; sales answers are Tracks ("Lead Accepted").
	Name string
	// Path is the URL path of a page view ("/pricing"), empty if none is known.
	Path string
	At   int64 // corrected time of the event, ms since 1970 UTC
	// Received is the time of receipt in ms, 0 if the transport gave none.
	Received int64
	// Backfill marks history: it may be of any age, and what it leads to is not
	// published.
	Backfill bool
	// Redrive marks an event that was rejected and is tried again, nil otherwise.
	// ID names the attempt then; see RedriveID.
	Redrive *Redrive
	Props   Props // properties, nested names joined by "."
	// Traits are person-level facts (identify) or account-level facts (group).
	Traits  Props
	Context Props // e.g. "campaign.source", "ip", "timezone", "userAgent"
	// Raw is the event as it was received, kept for rejected events.
	Raw []byte
}

// RejectedBatch begins the id of an atomic batch in which the door keeps what it
// rejects: no record of a partition belongs to it.
const RejectedBatch = "door-"

// Rejected is an input that changed nothing, kept with its reason.
type Rejected struct {
	Lead   string `json:"lead,omitempty"`
	Event  string `json:"event,omitempty"` // event id, if one could be read
	At     int64  `json:"at,omitempty"`    // ms
	Code   string `json:"code"`            // stable machine-readable reason, e.g. "time-in-future"
	Reason string `json:"reason"`          // what was found, what was expected, what to do
	Step   string `json:"step,omitempty"`
	// Workflow is the one that refused it, empty if no workflow could take it.
	Workflow string `json:"workflow,omitempty"`
	// Release is the one that refused it, empty if it did not come that far.
	Release string `json:"release,omitempty"`
	Line    int    `json:"line,omitempty"` // 1-based line in the input file, 0 if none
	Raw     []byte `json:"raw,omitempty"`
}
