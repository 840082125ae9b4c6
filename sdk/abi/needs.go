package abi

import (
	"encoding/binary"
	"errors"
)

// InputKind is the type of a column.
type InputKind uint8

// The types of columns.
const (
	InputBool InputKind = iota + 1
	InputNumber
	InputTime
	InputCount
	InputEnum
	InputString
	InputKey
	// InputLabel is a text that entries name as their label and that the plugin
	// never reads: it is absent in every slot.
	InputLabel
)

// Source says where the host takes an input from.
type Source uint8

// The sources of inputs. An input is absent when its source has no value; on
// a timer or probe every From… of the event is absent.
const (
	// FromEvent is the event's name; Enum against Literals.
	FromEvent Source = iota + 1
	// FromPath is the URL path of a page view; Enum against glob Literals.
	FromPath
	// FromProp, FromTrait, FromAccount and FromContext read the property Name.
	FromProp
	FromTrait
	FromAccount
	FromContext
	// FromExpr is the expression under Expr in the configuration (see
	// NodeExpr): true / false / absent when unknown, a number or a string.
	FromExpr
	// FromCounter is the counter Name of the workflow or of Needs.Counters,
	// this event included.
	FromCounter
	// FromGrade is the grade of an earlier step: Name is the step, empty for the
	// only one; Enum against Literals.
	FromGrade
	// FromFlag is the flag "step.flag" of an earlier step.
	FromFlag
	// FromKind is the kind of event ("track", "page", …); Enum.
	FromKind
	// FromLastActivity is when the lead was last active, ms, this event included.
	FromLastActivity
	// FromEventID is the hash of the event id (Key).
	FromEventID
)

// Literal is a text that an Enum input is compared with. A glob has * for any
// run of characters ("/blog/*" also takes "/blog"); comparison ignores case
// when Fold is set.
type Literal struct {
	Text string
	Glob bool
	Fold bool
}

// Input is one column that a plugin reads. Its index in Needs.Inputs is its
// column.
type Input struct {
	Kind     InputKind
	Source   Source
	Name     string
	Expr     uint32 // FromExpr: Value of the NodeExpr
	Literals []Literal
}

// Gate says where an input is wanted: where the Enum input Of has the literal
// Literal (1 + its index). An input with gates is absent wherever none of them
// is open, which saves the host the work of projecting it.
type Gate struct {
	Input   uint32
	Of      uint32
	Literal uint32
}

// ScopeMode says how often a rule may award.
type ScopeMode uint8

// The scope modes. Key, day and count combine: once per (key, day).
const (
	ScopeEvery ScopeMode = iota // every time
	ScopeOnce                   // once per scope key (one empty key without inputs), for ever or per Period
)

// Rule is one line of the ledger that the plugin may write.
type Rule struct {
	Name     string // unique in the step, e.g. "asked/Demo Requested"
	Score    string // name of the score it counts for; empty = the step's own
	Class    string // group for caps, pending() and "top class"; may be empty
	Template string // explanation, e.g. "{label}: asked for a demo"
	Scope    ScopeMode
	Keys     []string // properties that form the scope key, e.g. "asset", "list_id"
	PerDay   bool     // the calendar day (workflow's zone) is part of the key
	MaxN     uint32   // at most n awards per Window, 0 = no limit
	Window   int64    // ms, multiple of the age step; 0 = for ever
	Cap      int64    // milli-points: limit of the sum awarded by this rule, 0 = none
	ClassCap int64    // milli-points: limit of the sum awarded by the class, 0 = none
	Node     uint32   // configuration node that it comes from, for errors
	Activity bool     // an award of it is an activity of the lead (negative scoring says false)
	Passive  bool     // never awards on an event: inactivity, time
	Max      int64    // milli-points: the most that one award gives, for lints
	Account  bool     // derived from account-level facts, for the explanation
	// Step, when set, says that this is the rule Name of another step of the
	// workflow: the plugin may take its awards back (EntryVoid) and nothing else;
	// all other fields are ignored. The host refuses a name that does not exist.
	Step string
}

// View selects ledger rows; empty fields take any. A bucket appears once,
// under the first view that takes it.
type View struct {
	Score, Class, Rule string
}

// Counter is a windowed counter that the host keeps for the plugin. Events
// and Paths are globs; Where an expression; Distinct a property of which each
// value counts once.
type Counter struct {
	Name     string
	Events   []string
	Paths    []string
	Where    uint32 // 1+Value of a NodeExpr, 0 = none
	Window   int64  // ms, multiple of the age step; 0 = for ever
	Distinct string
	Node     uint32
}

// Severity of a Diag.
const (
	DiagError   uint8 = 1
	DiagWarning uint8 = 2
)

// Diag is a mistake that the plugin found in its configuration; the host
// shows it at the line of Node.
type Diag struct {
	Severity uint8
	Node     uint32
	Name     string // stable lint name, e.g. "stage-order"
	Summary  string
	Detail   string
}

// Needs is what a plugin answers to its configuration.
type Needs struct {
	Inputs   []Input
	Rules    []Rule
	Views    []View
	Grades   []string
	Reasons  []string
	Flags    []string
	Counters []Counter
	Diags    []Diag
	Gates    []Gate
	// Scale is the range of the step's own score in milli-points, for lints;
	// both 0 when it has none.
	ScaleMin, ScaleMax int64
	// AgeStep is the length in ms of the age steps that a decay curve counts in,
	// 0 when the plugin has no wish.
	AgeStep int64
	// Horizon: a memoryless step gives, in ms, the age after which a row never
	// changes again; 0 = never said.
	Horizon int64
	// Sparse: an event that matches no literal of the plugin's FromEvent and
	// FromPath enums changes nothing, so the host need not ask. Ignored with
	// grades or flags, which each event may change.
	Sparse bool
	// KeepsFresh: a memoryless step leaves rows of the current age step alone, so
	// the host need not ask again after an award that is dated now.
	KeepsFresh bool
}

// ErrNeeds says that a needs blob is damaged.
var ErrNeeds = errors.New("needs blob is damaged")

const needsMagic uint32 = 'N' | 'E'<<8 | 'E'<<16 | 'D'<<24

// AppendNeeds encodes n behind b. Integers are uvarint (zig-zag where signed),
// strings and lists carry their length.
func AppendNeeds(b []byte, n *Needs) []byte {
	w := writer{binary.LittleEndian.AppendUint32(b, needsMagic)}
	w.int(n.ScaleMin)
	w.int(n.ScaleMax)
	w.int(n.AgeStep)
	w.int(n.Horizon)
	w.bool(n.Sparse)
	w.bool(n.KeepsFresh)
	w.uint(uint64(len(n.Inputs)))
	for i := range n.Inputs {
		w.input(&n.Inputs[i])
	}
	w.uint(uint64(len(n.Rules)))
	for i := range n.Rules {
		w.rule(&n.Rules[i])
	}
	w.uint(uint64(len(n.Views)))
	for _, v := range n.Views {
		w.str(v.Score)
		w.str(v.Class)
		w.str(v.Rule)
	}
	w.strs(n.Grades)
	w.strs(n.Reasons)
	w.strs(n.Flags)
	w.uint(uint64(len(n.Counters)))
	for i := range n.Counters {
		c := &n.Counters[i]
		w.str(c.Name)
		w.strs(c.Events)
		w.strs(c.Paths)
		w.uint(uint64(c.Where))
		w.int(c.Window)
		w.str(c.Distinct)
		w.uint(uint64(c.Node))
	}
	w.uint(uint64(len(n.Diags)))
	for _, d := range n.Diags {
		w.b = append(w.b, d.Severity)
		w.uint(uint64(d.Node))
		w.str(d.Name)
		w.str(d.Summary)
		w.str(d.Detail)
	}
	w.gates(n.Gates)
	return w.b
}

// DecodeNeeds reads a needs blob and checks its bounds; what it says is
// checked by the host.
func DecodeNeeds(b []byte) (*Needs, error) {
	if len(b) > MaxNeeds {
		return nil, damaged(ErrNeeds, utoa(uint64(len(b)))+" bytes, at most "+utoa(MaxNeeds))
	}
	r := reader{b: b}
	if r.u32() != needsMagic {
		return nil, damaged(ErrNeeds, "does not begin with NEED")
	}
	n := &Needs{ScaleMin: r.int(), ScaleMax: r.int(), AgeStep: r.int(), Horizon: r.int(), Sparse: r.bool(), KeepsFresh: r.bool()}
	for range r.count(MaxInputs) {
		n.Inputs = append(n.Inputs, r.input())
	}
	for range r.count(MaxRules) {
		n.Rules = append(n.Rules, r.rule())
	}
	for range r.count(MaxRules) {
		n.Views = append(n.Views, View{Score: r.str(), Class: r.str(), Rule: r.str()})
	}
	n.Grades, n.Reasons, n.Flags = r.strs(256), r.strs(4096), r.strs(64)
	for range r.count(256) {
		n.Counters = append(n.Counters, Counter{Name: r.str(), Events: r.strs(4096), Paths: r.strs(4096), Where: r.uint32(), Window: r.int(), Distinct: r.str(), Node: r.uint32()})
	}
	for range r.count(4096) {
		n.Diags = append(n.Diags, Diag{Severity: r.byte(), Node: r.uint32(), Name: r.str(), Summary: r.str(), Detail: r.str()})
	}
	n.Gates = r.gates()
	if r.bad || len(r.b) != 0 {
		return nil, damaged(ErrNeeds, "truncated, over a limit or with "+utoa(uint64(len(r.b)))+" bytes too many")
	}
	return n, nil
}

type writer struct{ b []byte }

func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int64)   { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
		return
	}
	w.b = append(w.b, 0)
}
func (w *writer) str(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}
func (w *writer) strs(list []string) {
	w.uint(uint64(len(list)))
	for _, s := range list {
		w.str(s)
	}
}

func (w *writer) input(in *Input) {
	w.b = append(w.b, byte(in.Kind), byte(in.Source))
	w.str(in.Name)
	w.uint(uint64(in.Expr))
	w.uint(uint64(len(in.Literals)))
	for _, l := range in.Literals {
		w.str(l.Text)
		w.bool(l.Glob)
		w.bool(l.Fold)
	}
}

// gates come last and only if there are any.
func (w *writer) gates(list []Gate) {
	if len(list) == 0 {
		return
	}
	w.uint(uint64(len(list)))
	for _, g := range list {
		w.uint(uint64(g.Input))
		w.uint(uint64(g.Of))
		w.uint(uint64(g.Literal))
	}
}

func (w *writer) rule(r *Rule) {
	w.str(r.Name)
	w.str(r.Score)
	w.str(r.Class)
	w.str(r.Template)
	w.b = append(w.b, byte(r.Scope))
	w.strs(r.Keys)
	w.bool(r.PerDay)
	w.uint(uint64(r.MaxN))
	w.int(r.Window)
	w.int(r.Cap)
	w.int(r.ClassCap)
	w.uint(uint64(r.Node))
	w.bool(r.Activity)
	w.bool(r.Passive)
	w.int(r.Max)
	w.bool(r.Account)
	w.str(r.Step)
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bool() bool { return r.byte() != 0 }

func (r *reader) u32() uint32 {
	if len(r.b) < 4 {
		r.fail()
		return 0
	}
	v := get32(r.b, 0)
	r.b = r.b[4:]
	return v
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uint()
	if v > 1<<32-1 {
		r.fail()
	}
	return uint32(v)
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) str() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) count(limit int) int {
	n := r.uint()
	if n > uint64(limit) || n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) strs(limit int) []string {
	n := r.count(limit)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.str()
	}
	return list
}

func (r *reader) input() Input {
	in := Input{Kind: InputKind(r.byte()), Source: Source(r.byte()), Name: r.str(), Expr: r.uint32()}
	for range r.count(MaxRules) {
		in.Literals = append(in.Literals, Literal{Text: r.str(), Glob: r.bool(), Fold: r.bool()})
	}
	return in
}

func (r *reader) gates() (list []Gate) {
	if r.bad || len(r.b) == 0 {
		return nil
	}
	n := r.count(MaxGates)
	if n == 0 {
		r.fail() // one way to say one thing
	}
	for range n {
		list = append(list, Gate{r.uint32(), r.uint32(), r.uint32()})
	}
	return list
}

func (r *reader) rule() Rule {
	return Rule{Name: r.str(), Score: r.str(), Class: r.str(), Template: r.str(), Scope: ScopeMode(r.byte()),
		Keys: r.strs(8), PerDay: r.bool(), MaxN: r.uint32(), Window: r.int(), Cap: r.int(), ClassCap: r.int(),
		Node: r.uint32(), Activity: r.bool(), Passive: r.bool(), Max: r.int(), Account: r.bool(), Step: r.str()}
}
