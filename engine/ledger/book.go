// Package ledger is the host-owned account of a lead: dated buckets of points
// with scopes and caps, counters, the state of each step, episodes, and the
// binary codec of all that. A score is the sum of what remains in its buckets,
// exactly, always.
//
// It imports only lead. It never reads a clock, never calls a plugin and never
// decides where a lead goes.
package ledger

import (
	"hash/fnv"
	"slices"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
)

// Book is the part of a compiled workflow that accounts are kept by: its
// scores, rules and classes. It is immutable.
type Book struct {
	Scores  []Score
	Rules   []Rule
	Classes []Class
	// Counters, Peaks and Steps fix the order of the lists of the same name in
	// an Account.
	Counters []CounterDef
	Peaks    []PeakDef
	Steps    []StepDef
	// AgeStep is the length of an age step in ms.
	AgeStep int64
	// Zone is where calendar days begin and end.
	Zone *time.Location
	// MaxBuckets and MaxUses bound an account; at the bound new keys award
	// nothing, with the refusal RefusedFull.
	MaxBuckets, MaxUses int
	// Voidable keeps the event in the key of each bucket, because a step of the
	// workflow may void the awards of single events.
	Voidable bool

	layout   layout
	words    []words // of Steps
	byID     byID
	scoreIDs []uint32 // of Scores, close together
	byRule   map[uint32]int
}

// Score is one named number of a lead.
type Score struct {
	Name  string
	ID    uint32
	About string
	// Cap bounds the sum of positive awards, 0 = none. Decay frees no cap.
	Cap lead.Points
	// Floor is the least value, if HasFloor.
	Floor    lead.Points
	HasFloor bool
	// Scale maps the raw sum to the shown value; ScaleNone leaves it.
	Scale ScaleMode
	// Min and Max are the ends of the scale; RawMax the raw sum that is shown as
	// Max when normalising.
	Min, Max, RawMax lead.Points
	// Derive computes a combined score; nil for a score that has buckets.
	Derive func(*Frame) lead.Points
	// Parts are the indexes of the scores that Derive reads, for explanations.
	Parts []int
	// Thresholds are the values that routes and labels compare it with: display
	// never rounds across one.
	Thresholds []lead.Points
}

// ScaleMode says how a raw sum becomes a value.
type ScaleMode uint8

// The scale modes.
const (
	ScaleNone ScaleMode = iota
	ScaleClamp
	ScaleNormalise
)

// Rule is one line of the ledger.
type Rule struct {
	ID       uint32 // Hash("rule", step name, rule name): survives a new release
	Score    int    // index into Book.Scores
	Class    int    // index into Book.Classes, -1 = none
	Step     string // the step that owns it
	Name     string // unique in the step
	Template string
	Once     bool     // once per scope key
	Keys     []string // properties that form the scope key
	PerDay   bool     // the calendar day is part of the key
	MaxN     uint32   // at most n awards per Window
	Window   int64    // ms; 0 = for ever
	Cap      lead.Points
	Activity bool
	Account  bool // derived from account-level facts
	Manual   bool // a correction by hand: no behaviour, so no cap bounds it
}

// Class is a group of rules of one step.
type Class struct {
	ID   uint32 // Hash("class", step name, class name)
	Step string
	Name string
	Cap  lead.Points // limit of the sum of positive awards, 0 = none
	// Top is the most that one award of the class gives: the order of classes in
	// "top class".
	Top lead.Points
	// Hand says that a route asks pending() of this class.
	Hand bool
}

// CounterDef is one windowed counter.
type CounterDef struct {
	ID     uint32
	Name   string // "blog", or "step/name" when a plugin declared it
	Window int64  // ms, multiple of the age step; 0 = for ever
	// Match says whether an event counts; Distinct names the property of which
	// each value counts once, empty = every event counts.
	Match    func(*Frame) bool
	Distinct func(*Frame) (string, bool)
}

// PeakDef is one declared maximum: peak(score, window).
type PeakDef struct {
	ID     uint32
	Score  int
	Window int64 // ms
}

// StepDef is what the ledger keeps of a step.
type StepDef struct {
	ID   uint32 // Hash("step", name, plugin)
	Name string
	// StateVersion is the version of the states that the step writes.
	StateVersion uint32
	Grades       []string
	Reasons      []string
	Flags        []string
}

// Index prepares look-ups. It must be called once, before the book is shared.
func (b *Book) Index() {
	b.byRule = make(map[uint32]int, len(b.Rules))
	for i := range b.Rules {
		b.byRule[b.Rules[i].ID] = i
	}
	b.layout = newLayout(b)
	b.words = make([]words, len(b.Steps))
	for i := range b.Steps {
		b.words[i] = newWords(&b.Steps[i])
	}
	b.byID = b.newByID()
	b.scoreIDs = make([]uint32, len(b.Scores))
	for i := range b.Scores {
		b.scoreIDs[i] = b.Scores[i].ID
	}
}

// RuleByID finds a rule; ok is false for a rule of an earlier release.
func (b *Book) RuleByID(id uint32) (rule *Rule, ok bool) {
	i, ok := b.byRule[id]
	if !ok {
		return nil, false
	}
	return &b.Rules[i], true
}

// ScoreIndex finds a score by its id, -1 if there is none.
func (b *Book) ScoreIndex(id uint32) int {
	if len(b.scoreIDs) == len(b.Scores) {
		return slices.Index(b.scoreIDs, id)
	}
	return slices.IndexFunc(b.Scores, func(s Score) bool { return s.ID == id })
}

// Hash makes stable ids from names. The workflow compiler refuses two names
// of one kind with the same id.
func Hash(parts ...string) uint32 {
	h := fnv.New32a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum32()
}

// Hash64 is the hash of scope keys, event ids and string keys: FNV-1a, 64 bit,
// never 0.
func Hash64(s string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * prime
	}
	if h == 0 {
		return 1
	}
	return h
}

// AgeStepOf is the age step that t lies in.
func (b *Book) AgeStepOf(t int64) int64 {
	q := t / b.AgeStep
	if t%b.AgeStep < 0 {
		q--
	}
	return q
}

// Day is the calendar day of t in the book's zone, counted from 1970-01-01.
func (b *Book) Day(t int64) int32 {
	if b.Zone == nil || b.Zone == time.UTC {
		return int32(t / 86_400_000)
	}
	y, m, d := time.UnixMilli(t).In(b.Zone).Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86_400)
}
