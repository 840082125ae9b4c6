// Package workflow turns .hcl files into a Definition and diagnostics.
//
// It knows the language: its blocks, their attributes and which of them are
// constants and which expressions. Expressions are kept as hcl.Expression and
// compiled elsewhere (package model). It takes an fs.FS, imports only lead of
// ours (and its own parts, schema for the blocks of plugins and value for
// constants), and never runs a plugin: the schema of a plugin's block comes
// from the caller. It reads no clock and no file outside the fs.FS but the
// machine's list of time zones.
package workflow

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/schema"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// Definition is one workflow as written, checked for form.
type Definition struct {
	Name     string
	About    string
	Display  hcl.Expression // template such as "{grade} {recent}"; nil = default
	LeadWord string         // what people call a lead, default "lead" (002-16)
	Zone     string         // IANA name, default "UTC"
	AgeStep  int64          // ms, default 24 h
	// Sales are the actions that hand a lead to sales: an open episode of one of
	// them makes a new hand-raise an update and starts no nurture. Default:
	// "sales-handoff".
	Sales      []string
	SalesRange hcl.Range // of the attribute, empty if it is not written
	MaxBuckets int       // buckets of one lead, default 4096
	Range      hcl.Range

	// Scores hold one entry for every step, whether or not its plugin awards
	// points, and one for every other score block, in source order. A score
	// block of a step's name refines the step's score.
	Scores   []Score
	Tables   []Table
	Counters []Counter
	Steps    []Step
	Suppress []Guard
	Vetoes   []Guard
	Routes   []Route // in file order, the default last
	Labels   []Label // in file order, the default last
	Goldens  []Golden
	Silences []Silence

	// Files are the parsed sources, for diagnostics with snippets.
	Files map[string]*hcl.File
}

// Score declares or refines a score. A step declares the score of its own name
// implicitly; attributes about/floor/cap/scale in the step's block refine it.
type Score struct {
	Name      string
	About     string
	Cap       *lead.Points
	Floor     *lead.Points
	Scale     *Scale
	Value     hcl.Expression // derived score; nil if it has buckets
	Declared  bool           // by a score block, not by a step
	Range     hcl.Range
	NameRange hcl.Range
}

// Scale is scale = [0, 100], mode = "clamp" | "normalise" (raw_max).
type Scale struct {
	Min, Max  lead.Points
	Normalise bool
	RawMax    lead.Points
	Range     hcl.Range
}

// Table is a list or map from a CSV file (or inline values): listed(name, x)
// looks into the first column, lookup(name, x, column) reads another.
type Table struct {
	Name    string
	File    string
	Columns []string
	Rows    [][]string
	Fold    bool // compare without case, default true
	Range   hcl.Range
}

// Counter is a windowed counter, read as count.<name>.
type Counter struct {
	Name     string
	Events   []string // globs of event names
	Pages    []string // globs of page paths
	Where    hcl.Expression
	Window   int64 // ms, 0 = for ever
	Distinct string
	Range    hcl.Range
}

// Step is step "plugin" "name" { … }.
type Step struct {
	Plugin string
	Name   string
	// Host attributes, taken out of the plugin's body.
	OnError     string // "reject" (default), "skip", "hold", "fallback"
	Fallback    string // plugin name
	Breaker     int    // failed inputs in a row, default 0 = off
	Config      *Node  // the rest, by the plugin's schema; nil if there is no such plugin
	Range       hcl.Range
	NameRange   hcl.Range
	PluginRange hcl.Range
}

// A plugin's block and its schema; see package schema.
type (
	// Schema is the compiled JSON Schema of a plugin's block.
	Schema = schema.Schema
	// Node is one value of a plugin's block, in source order.
	Node = schema.Node
	// NodeKind is the type of a Node.
	NodeKind = schema.NodeKind
)

// The types of nodes.
const (
	NodeNull   = schema.NodeNull
	NodeBool   = schema.NodeBool
	NodeNumber = schema.NodeNumber
	NodeString = schema.NodeString
	NodeList   = schema.NodeList
	NodeObject = schema.NodeObject
	NodeExpr   = schema.NodeExpr
	NodePoints = schema.NodePoints
	NodeMillis = schema.NodeMillis
)

// CompileSchema compiles the "schema" of a plugin's manifest.
func CompileSchema(name string, json []byte) (*Schema, error) {
	return schema.Compile(name, json, hostAttrs())
}

// ParseDuration reads "60d" or "1d12h" as ms.
func ParseDuration(s string) (ms int64, err error) { return value.ParseDuration(s) }

// FormatDuration writes ms the way ParseDuration reads it.
func FormatDuration(ms int64) string { return value.FormatDuration(ms) }

// PointsOf converts a number literal of points exactly.
func PointsOf(v cty.Value) (lead.Points, error) { return value.PointsOf(v) }

// Guard is suppress "name" { when = … } or veto "name" { when = …, actions = […] }.
type Guard struct {
	Name         string
	When         hcl.Expression
	Actions      []string // veto: the actions it forbids; empty = the sales actions
	Say          hcl.Expression
	Range        hcl.Range
	WhenRng      hcl.Range
	ActionsRange hcl.Range
}

// Route is route "action" "name" { … }.
type Route struct {
	Action   string
	Name     string
	Default  bool
	When     hcl.Expression // nil on a default route
	Reset    hcl.Expression // closes the episode; nil = none
	OnFall   bool           // on = "fall": fires when the condition turns from true to false
	Cooldown int64          // ms after a close before the action opens again
	Say      hcl.Expression // recommended conversation, a template; nil = none
	Traits   []string       // traits copied into the decision
	Silent   bool           // matches but publishes nothing
	Range    hcl.Range
	WhenRng  hcl.Range
}

// Label is label "hot" { when = … }: the first true one names the lead.
type Label struct {
	Name    string
	Default bool
	When    hcl.Expression // nil on a default label
	Range   hcl.Range
	WhenRng hcl.Range
}

// Golden is golden "ideal" { traits = {…} account = {…} events = […] }: the
// declared ideal customer, who must reach the maximum of each declared scale.
type Golden struct {
	Name        string
	Traits      lead.Props
	Account     lead.Props
	Events      []GoldenEvent
	Scores      []string // scores that must reach their maximum; empty = all with a scale
	ScoresRange hcl.Range
	Grade       string // expected grade, empty = not checked
	Range       hcl.Range
}

// GoldenEvent is one event of a golden lead: an event name or a page path.
type GoldenEvent struct {
	Name  string
	Path  string
	Props lead.Props
	Count int // at least 1
	Range hcl.Range
}

// Silence is silence "lint-name" { because = "…", of = "route or rule" }.
type Silence struct {
	Lint    string
	Of      string
	Because string
	Range   hcl.Range
}
