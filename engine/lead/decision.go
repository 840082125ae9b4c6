package lead

// Decision is one step in the life of a lead, published once under one id.
type Decision struct {
	// ID is a hash of workflow, lead, cause, route and episode: the same inputs
	// give the same id, for ever.
	ID       string `json:"id"`
	Lead     string `json:"lead"`
	Workflow string `json:"workflow"`
	Release  string `json:"release"`
	// Plugins are those of the release: by name the first 12 hex digits of the
	// module's SHA-256. All decisions of a release share the map: read only.
	Plugins map[string]string `json:"plugins,omitempty"`

	Action  string `json:"action"`  // "sales-handoff", "nurture", "sales-update", …
	Route   string `json:"route"`   // name of the route that decided
	Episode uint32 `json:"episode"` // ordinal of the action's episode, from 1
	Seq     uint64 `json:"seq"`     // ordinal among the lead's decisions, from 1

	At      int64  `json:"at"`                // logical time of the decision, ms since 1970 UTC
	Cause   Cause  `json:"cause"`             // what led to it
	Recalls string `json:"recalls,omitempty"` // id of the decision that this one takes back
	Grade   string `json:"grade,omitempty"`
	Why     string `json:"grade_reason,omitempty"`
	Label   string `json:"label,omitempty"`
	Display string `json:"display"`
	Summary string `json:"summary"`
	// Say is the conversation that the route recommends.
	Say    string         `json:"say,omitempty"`
	Scores []ScoreValue   `json:"scores"`
	Lines  []Line         `json:"lines"` // per score, they sum to its value
	Traits map[string]any `json:"traits,omitempty"`
}

// Cause is the input behind a decision.
type Cause struct {
	Kind  string `json:"kind"`            // "event", "timer" or "release"
	Event string `json:"event,omitempty"` // event id, or number of the release
	Name  string `json:"name,omitempty"`  // event name, page path or kind
	At    int64  `json:"at"`              // time of the event, or due time of the timer, or time of the switch, ms
}

// ScoreValue is one score of a lead as shown.
type ScoreValue struct {
	Name    string `json:"name"`
	Milli   Points `json:"milli"`   // value after floor and scale, milli-points
	Raw     Points `json:"raw"`     // sum of the ledger lines, milli-points
	Display int64  `json:"display"` // whole points, never rounded across a threshold
	About   string `json:"about,omitempty"`
}

// Line is one line of an explanation. Over the lines of one score, Remaining
// sums to the score's value, to the milli-point.
type Line struct {
	Score     string `json:"score"`
	Step      string `json:"step,omitempty"`
	Rule      string `json:"rule"`
	Class     string `json:"class,omitempty"`
	Text      string `json:"text"`
	Count     uint32 `json:"count,omitempty"`
	Awarded   Points `json:"awarded_milli"`
	Decayed   Points `json:"decayed_milli,omitempty"`
	Reversed  Points `json:"reversed_milli,omitempty"`
	Remaining Points `json:"remaining_milli"`
	Last      int64  `json:"last,omitempty"` // time of the last event, ms
	Label     string `json:"label,omitempty"`
	Account   bool   `json:"account,omitempty"` // from account-level facts
}
