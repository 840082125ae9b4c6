package plan

import "github.com/ripenhq/ripen/engine/lead"

// Report is all that a plan says. Points are in milli-points, times in ms since
// 1970 UTC. Its JSON form is stable: fields are added, never changed.
type Report struct {
	Workflow string  `json:"workflow"`
	LeadWord string  `json:"lead_word"`
	Before   Release `json:"before"`
	After    Release `json:"after"`
	// Begins says that no release of the workflow runs so far: it would be a new
	// one beside those that do, and Before is empty.
	Begins   bool     `json:"begins,omitempty"`
	Mode     Mode     `json:"mode"`
	History  History  `json:"history"`
	Cautions []string `json:"cautions"`
	// Changed says that something would be different: of the files, of a lead, or
	// of what is decided.
	Changed bool `json:"changed"`
	// Diff is what the files say otherwise.
	Diff []Change `json:"diff"`

	Leads   LeadCounts `json:"leads"`
	Scores  []Score    `json:"scores"`
	Grades  *Matrix    `json:"grades,omitempty"`
	Labels  *Matrix    `json:"labels,omitempty"`
	Sales   Sales      `json:"sales"`
	Switch  Switch     `json:"switch"`
	Routes  []Route    `json:"routes"`
	Rules   []Rule     `json:"rules"`
	Movers  []Mover    `json:"most_changed"` // by the primary score
	Cost    Cost       `json:"cost"`
	Primary string     `json:"primary,omitempty"` // the score that ranks leads, if both have it
}

// Release names one of the two releases.
type Release struct {
	Number uint32 `json:"number,omitempty"` // 0 = a draft
	Digest string `json:"digest"`           // of the model, its first 12 digits
	From   string `json:"from,omitempty"`   // folder, or where else it was read
}

// History is what both releases were compared on.
type History struct {
	Events     int   `json:"events"`
	Duplicates int   `json:"duplicates"`
	Ticks      int   `json:"ticks"`
	From       int64 `json:"from,omitempty"` // time of the oldest event
	To         int64 `json:"to,omitempty"`   // the time of the switch
	// Whole says that it goes back to the first event. If not, what lies before Cut
	// is carried over from the live release.
	Whole bool  `json:"whole"`
	Cut   int64 `json:"cut,omitempty"`
	// Refused events of either release changed nothing.
	RefusedBefore int `json:"refused_before"`
	RefusedAfter  int `json:"refused_after"`
}

// Change is a difference between the files.
type Change struct {
	Kind   string   `json:"kind"`
	Change string   `json:"change"` // added, removed or changed
	Path   []string `json:"path"`
	Before string   `json:"before,omitempty"`
	After  string   `json:"after,omitempty"`
}

// LeadCounts say how many leads are other than before.
type LeadCounts struct {
	All     int `json:"all"`
	Changed int `json:"changed"` // another score, grade or label
	Score   int `json:"score_changed"`
	Grade   int `json:"grade_changed"`
	Label   int `json:"label_changed"`
	New     int `json:"only_after"` // known to the candidate alone
	Gone    int `json:"only_before"`
}

// Score is one score over all leads.
type Score struct {
	Name    string `json:"name"`
	About   string `json:"about,omitempty"`
	Change  string `json:"change,omitempty"` // added or removed, if only one release has it
	Leads   int    `json:"leads"`
	Changed int    `json:"changed"`
	Raised  int    `json:"raised"`
	Lowered int    `json:"lowered"`
	Before  Spread `json:"before"`
	After   Spread `json:"after"`
	// Moved is the spread of the change of those that changed.
	Moved Spread `json:"moved"`
	Bars  []Bar  `json:"histogram"`
}

// Spread describes a list of values.
type Spread struct {
	Least  lead.Points `json:"least_milli"`
	P10    lead.Points `json:"p10_milli"`
	Median lead.Points `json:"median_milli"`
	P90    lead.Points `json:"p90_milli"`
	Most   lead.Points `json:"most_milli"`
	Mean   lead.Points `json:"mean_milli"`
}

// Bar counts the leads with a score from From up to below To.
type Bar struct {
	From   lead.Points `json:"from_milli"`
	To     lead.Points `json:"to_milli"`
	Before int         `json:"before"`
	After  int         `json:"after"`
}

// Matrix counts leads by a name before (rows) and after (columns). A name that a
// release does not have is in the list all the same; "" is none.
type Matrix struct {
	Names []string `json:"names"`
	Leads [][]int  `json:"leads"`
}

// Sales tells whom the releases hand over to sales in the history.
type Sales struct {
	Actions []string `json:"actions"`
	Before  int      `json:"before"` // leads that were handed over
	After   int      `json:"after"`
	Gained  Handoffs `json:"newly"`
	Lost    Handoffs `json:"no_longer"`
	Sooner  Handoffs `json:"sooner"`
	Later   Handoffs `json:"later"`
}

// Handoffs are hand-offs of which the first ones are listed.
type Handoffs struct {
	Count int       `json:"count"`
	List  []Handoff `json:"list"`
}

// Handoff is a lead and an action that the releases treat differently.
type Handoff struct {
	Lead   string   `json:"lead"`
	Action string   `json:"action"`
	Before *Decided `json:"before,omitempty"` // nil = never
	After  *Decided `json:"after,omitempty"`
	// Then is how the lead stood in the moment in which the releases part, Now at
	// the end.
	Then *Standing `json:"then,omitempty"`
	Now  *Standing `json:"now,omitempty"`
	Why  []string  `json:"why"`
}

// decided is the decision in whose moment the releases part: the earlier one.
func (h *Handoff) decided() *Decided {
	if h.Before == nil || h.After != nil && h.After.At <= h.Before.At {
		return h.After
	}
	return h.Before
}

// The lists of hand-offs.
const (
	gained = iota
	lost
	sooner
	later
)

func (r *Report) handoffLists() [4][]Handoff {
	s := &r.Sales
	return [4][]Handoff{gained: s.Gained.List, lost: s.Lost.List, sooner: s.Sooner.List, later: s.Later.List}
}

// Decided is the first decision of an action on a lead.
type Decided struct {
	ID      string      `json:"id"`
	At      int64       `json:"at"`
	Route   string      `json:"route"`
	Cause   string      `json:"cause"`
	Display string      `json:"display"`
	Lines   []lead.Line `json:"lines"` // those that weigh most
	Times   int         `json:"times"` // how often it was decided in all
	event   string      // id of the event that led to it, empty = time did
}

// Standing is how a lead stands under both releases.
type Standing struct {
	Before Stand `json:"before"`
	After  Stand `json:"after"`
}

// Stand is how a lead stands under one release.
type Stand struct {
	Known   bool              `json:"known"`
	Display string            `json:"display,omitempty"`
	Grade   string            `json:"grade,omitempty"`
	Label   string            `json:"label,omitempty"`
	Scores  []lead.ScoreValue `json:"scores,omitempty"`
	Lines   []lead.Line       `json:"-"`
	why     string            // of the grade
}

// Mover is a lead whose score changes much.
type Mover struct {
	Lead   string      `json:"lead"`
	Before lead.Points `json:"before_milli"`
	After  lead.Points `json:"after_milli"`
	Now    *Standing   `json:"now,omitempty"`
	Why    []string    `json:"why"`
}

// Switch is what happens at the moment of the switch.
type Switch struct {
	At int64 `json:"at"`
	// Newly true: leads of which a route holds that did not, and would open.
	Newly   int       `json:"newly_true"`
	ByRoute []Counted `json:"by_route"`
	// Sales is how many of them go to sales.
	Sales int `json:"to_sales"`
	// Decisions are published at once; under drip and mark there are none.
	Decisions int         `json:"decisions"`
	List      []NewlyTrue `json:"list"`
	// Refused says that more would fire than max_new_handoffs allows.
	Refused bool `json:"refused"`
}

// Counted is a name and a number.
type Counted struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// NewlyTrue is a lead and a route that holds behind the switch and did not before.
type NewlyTrue struct {
	Lead    string      `json:"lead"`
	Action  string      `json:"action"`
	Route   string      `json:"route"`
	Display string      `json:"display"`
	Say     string      `json:"say,omitempty"`
	Lines   []lead.Line `json:"lines"` // those that weigh most
	Now     *Standing   `json:"now,omitempty"`
	Why     []string    `json:"why"`
}

// Route counts the decisions of a route over the history.
type Route struct {
	Action string `json:"action"`
	Route  string `json:"route"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

// Rule is what a rule gives all leads together.
type Rule struct {
	Score  string   `json:"score"`
	Step   string   `json:"step"`
	Rule   string   `json:"rule"`
	Class  string   `json:"class,omitempty"`
	Before RuleSums `json:"before"`
	After  RuleSums `json:"after"`
}

// RuleSums are the totals of a rule over all leads.
type RuleSums struct {
	Leads     int         `json:"leads"` // with points from it left
	Count     int         `json:"count"` // awards
	Awarded   lead.Points `json:"awarded_milli"`
	Remaining lead.Points `json:"remaining_milli"`
}

// Cost is what the releases take of the machine.
type Cost struct {
	Before Effort `json:"before"`
	After  Effort `json:"after"`
}

// Effort is the work per accepted event.
type Effort struct {
	Events int    `json:"events"`
	Fuel   uint64 `json:"fuel_per_event"` // units of WASM work
	Nanos  int64  `json:"ns_per_event"`   // measured, of one core of this machine; 0 = not measured
}
