package ledger

import "github.com/ripenhq/ripen/engine/lead"

// Account is everything that is kept of one lead under one workflow.
//
// Its fields stand in the order in which an input needs them, and what has a
// fixed size lies in one piece of memory with it (see Book.layout): with
// 100,000 leads at hand, each pointer to follow costs more than the
// arithmetic.
type Account struct {
	front
	Steps   []StepMemo    // by Book.Steps
	totals  []lead.Points // raw sum by score, always equal to the buckets
	Buckets []Bucket      // sorted by (Score, Rule, Scope, Step, Event)
	undo    *Undo
	told    told
	marked  marked
	text    []byte // labels of the buckets
	tidied  uint32 // length of the text when it was last written anew
	Key     string

	Counters []Counter // by Book.Counters
	Peaks    [][]Peak  // by Book.Peaks, sorted by Step
	Uses     []Use     // sorted by (Kind, ID, Key, Day)
	rare     *rare     // nil as long as nothing needs it
}

// front is what Begin copies: fields that are small or copied on write.
type front struct {
	Clock        int64 // latest time that reached the lead, ms
	LastActivity int64 // time of the last event that counts as activity, 0 = none
	First        int64 // time of the first event seen, ms
	Marks        Marks
	Person       lead.Props
	Company      lead.Props
	// Held are inputs that wait because a step with on_error = "hold" failed.
	Held []lead.Event

	peakTail uint32 // that many last elements of each list of peaks may be new
	dirty    uint8
}

// Bucket is the unit of the ledger. Awarded − Reversed − Remaining is what
// decayed. Its label is at Account.Label.
type Bucket struct {
	Score, Rule uint32 // ids
	Scope       uint64 // hash of the scope key's properties, 0 = none
	Step        int64  // age step of the events' time; 0 on a replaced line
	Event       uint64 // hash of the event id if the book is Voidable, else 0
	Count       uint32
	label       uint32 // place of the label in the account's text, and marks
	Remaining   lead.Points
	Awarded     lead.Points
	Reversed    lead.Points
	Last        int64 // time of the last event in it, ms
}

// UseKind says what a Use counts.
type UseKind uint8

// The kinds of uses.
const (
	UseKey    UseKind = iota + 1 // a scope key that awarded (rule)
	UseRule                      // sum of a rule's awards
	UseClass                     // sum of a class's positive awards
	UseScore                     // sum of a score's positive awards
	UseWindow                    // awards of a rule in one age step (Key = step)
)

// Use remembers what scopes and caps have given out.
type Use struct {
	Kind UseKind
	mark uint8
	ID   uint32
	Key  uint64
	Day  int32 // calendar day for PerDay keys, else 0
	N    uint32
	Sum  lead.Points
}

// Counter counts events per age step; with distinct values, Seen holds the
// hash of each value with the step of its last occurrence.
type Counter struct {
	Steps []Tally
	Seen  []Seen // sorted by Hash

	touched uint64 // the value that changed, if mark says so
	mark    uint8
}

// Tally is the count of one age step.
type Tally struct {
	Step int64
	N    uint32
	mark uint8
}

// Seen is one distinct value.
type Seen struct {
	Hash uint64
	Step int64
}

// Peak is the highest value of a score within one age step.
type Peak struct {
	Step int64
	Max  lead.Points
}

// StepMemo is what a step last said of the lead, and its state.
type StepMemo struct {
	Ran    bool
	mark   uint8
	Grade  uint16 // 1+index, 0 = none
	Reason uint16
	Out    uint64 // named flags
	Wake   int64  // due time asked for, 0 = none
	State  []byte
	told   int64 // Wake as the last delta left it

	foreign *foreign // nil as long as the book has a word for all
}

// Marks is what routes remember of a lead.
type Marks struct {
	Wake       int64  // next look at the routes, 0 = never
	Probe      int64  // when to search for the next look again, 0 = not needed
	Matched    uint32 // id of the route that matched last
	Suppressed bool
	Episodes   []Episode // sorted by Action
	// True are the ids of OnFall routes that were true at the last look, sorted.
	True    []uint32
	Pending []Pending // sorted by Class
	Adjusts []Adjust  // Score Adjusted with an expiry
	Silent  int64     // what happens before this time is history and not published, 0 = none
	Resting int64     // no hand-off before this time (Lead Recycled), 0 = none
	Seq     uint64    // decisions made so far
	Hands   uint64    // hand-raises seen so far
	Stage   string    // last sales answer: "accepted", "contacted", …
	Drip    *Drip     // nil unless the lead waits for its turn; never changed in place
}

// Drip is a lead that a release found newly true and that is not handed out at
// once, but when its turn comes, if it is still true then.
type Drip struct {
	Due     int64  // ms
	Route   uint32 // id of the route that was true
	Hands   uint64 // Marks.Hands at the switch: a newer hand-raise does not wait
	Release string // number of the release, for the decision's cause
}

// Episode is one open or closed hand-off of a lead.
type Episode struct {
	Action string
	Number uint32 // ordinal in the decision id, from 1
	Open   bool
	Route  uint32   // id of the route that opened it
	Opened int64    // ms
	Closed int64    // ms, 0 while open or never closed
	Hands  uint64   // Marks.Hands when it last told of a hand-raise
	Last   [16]byte // id of its last decision, of which the text is the hex form
}

// Pending is a hand-raise that nobody answered.
type Pending struct {
	Class uint32
	Since int64  // ms
	Hand  uint64 // Marks.Hands of the newest one
}

// Adjust is a manual correction that ends.
type Adjust struct {
	Event   uint64
	Expires int64
}
