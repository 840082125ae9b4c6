package release

// LineageStatus says how far one lineage is in one partition.
type LineageStatus struct {
	Partition int    `json:"partition"`
	ID        uint64 `json:"id"` // of the lineage
	Workflow  string `json:"workflow"`
	Release   uint32 `json:"release"`
	Digest    string `json:"digest"` // of its bundle
	Model     string `json:"model"`
	Role      string `json:"role"` // live, shadow or building
	Origin    string `json:"origin,omitempty"`
	Until     int64  `json:"until,omitempty"`    // ms: a shadow is kept until then, 0 = until it is stopped
	At        uint64 `json:"at"`                 // sequence of the events stream up to which it has read
	Lag       uint64 `json:"lag"`                // events that wait to be read by it
	Ready     bool   `json:"ready,omitempty"`    // in step and, where it was built, stored
	Host      string `json:"host,omitempty"`     // the engine that says so
	Switch    uint64 `json:"switch,omitempty"`   // sequence of the order that made it live
	First     uint64 `json:"first,omitempty"`    // sequence of the first event that it scored behind that
	SwitchAt  int64  `json:"switchAt,omitempty"` // ms: time of that order
	// Doubts are plugins of the release that the engine would refuse to load now.
	Doubts []Doubt `json:"doubts,omitempty"`
}

// Doubt is a plugin of a running release that would be refused if it were loaded
// now: its publisher's key was revoked, or is trusted no more.
type Doubt struct {
	Workflow string `json:"workflow"`
	Release  uint32 `json:"release"`
	Plugin   string `json:"plugin"`
	Version  string `json:"version"`
	Digest   string `json:"digest"` // sha256, hex
	Why      string `json:"why"`
}

// Newly counts leads of one partition for which a route would be newly true at
// a switch.
type Newly struct {
	Partition int            `json:"partition"`
	Leads     int            `json:"leads"`             // that were looked at
	Total     int            `json:"total"`             // newly true
	Handoffs  int            `json:"handoffs"`          // of them with a sales action
	Recalls   int            `json:"recalls,omitempty"` // hand-offs that would be taken back
	ByRoute   map[string]int `json:"byRoute,omitempty"` // action/route → leads
}
