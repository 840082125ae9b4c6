package wasm

import (
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a module. Each error says what was found, what was
// expected and, where the author can do something about it, what.
var (
	ErrSize       = errors.New("plugin: module too large")
	ErrModule     = errors.New("plugin: module not acceptable")
	ErrManifest   = errors.New("plugin: manifest")
	ErrABI        = errors.New("plugin: contract version")
	ErrExport     = errors.New("plugin: export")
	ErrImport     = errors.New("plugin: import")
	ErrMemory     = errors.New("plugin: memory")
	ErrDescriptor = errors.New("plugin: descriptor")
	ErrRefused    = errors.New("plugin: refused")
	ErrNeeds      = errors.New("plugin: needs")
	ErrBroke      = errors.New("plugin: broke while it was loaded")
	ErrClosed     = errors.New("plugin: closed")
	ErrCacheDir   = errors.New("compile cache")
)

// Codes of an Outcome. They are stable: policies, metrics and tests use them.
const (
	CodeFuel        = "fuel"          // more work than one input may cause
	CodeUnreachable = "unreachable"   // abort, assertion, a panic of Go
	CodeBounds      = "out-of-bounds" // memory or table access outside
	CodeStack       = "stack"         // recursion too deep
	CodeExit        = "exit"          // proc_exit
	CodeArithmetic  = "arithmetic"    // division by zero, overflow, conversion of NaN
	CodeCall        = "call"          // indirect call of the wrong type
	CodeTrap        = "trap"          // any other

	CodeSoft     = "soft"     // the plugin said no, with a text
	CodeProtocol = "protocol" // negative return, cursor or counts outside their range
	CodeProgress = "progress" // the plugin returned without finishing a single slot
	CodeResult   = "result"   // a result that the contract forbids
	CodeEntry    = "entry"    // an entry that the contract forbids
	CodeWake     = "wake"     // a timer at or before now
	CodeArena    = "arena"    // the input alone is larger than the arena
	CodeState    = "state"    // the lead's state is larger than the plugin's declared maximum
	CodeOpen     = "breaker"  // the circuit breaker is open
)

// fault is why a call, or one slot of it, counts for nothing.
type fault struct {
	code string
	text string
	trap bool // the guest broke; otherwise it wrote something forbidden
}

func (f *fault) Error() string { return f.text }

func bad(code, format string, args ...any) *fault {
	return &fault{code: code, text: fmt.Sprintf(format, args...)}
}

// exit is what proc_exit panics with, so that the guest stops at once.
type exit struct{ code uint32 }

func (e exit) Error() string { return fmt.Sprintf("the plugin called proc_exit(%d)", e.code) }

// errFuel is what a host function panics with when its bytes are not paid for.
var errFuel = errors.New("out of fuel in a host function")

// trapCodes map the runtime's own words to codes. The runtime keeps its error
// values internal, so its texts are the only handle; TestTrapCodes pins them.
var trapCodes = []struct{ text, code string }{
	{"out of bounds memory access", CodeBounds},
	{"invalid table access", CodeBounds},
	{"stack overflow", CodeStack},
	{"unreachable", CodeUnreachable},
	{"integer divide by zero", CodeArithmetic},
	{"integer overflow", CodeArithmetic},
	{"invalid conversion to integer", CodeArithmetic},
	{"indirect call type mismatch", CodeCall},
}

// classify turns the error of a call into a fault. left is the fuel that the
// call left, below zero when it ran out; said is what the guest last printed.
func classify(err error, left int64, budget uint64, said string) *fault {
	f := &fault{code: CodeTrap, trap: true}
	var e exit
	line, _, _ := strings.Cut(err.Error(), "\n")
	switch {
	case left < 0:
		f.code = CodeFuel
		what := "one input"
		switch budget { // neither is what any input may have
		case LoadFuel:
			what = "loading and configuring"
		case TiredFuel:
			what = "a timer that comes behind many others"
		}
		f.text = fmt.Sprintf("the plugin used more fuel than the %d units that %s may cost", budget, what)
		return f
	case errors.As(err, &e):
		f.code, f.text = CodeExit, e.Error()
	default:
		for _, t := range trapCodes {
			if strings.Contains(line, t.text) {
				f.code = t.code
				break
			}
		}
		f.text = "the plugin trapped: " + strings.TrimPrefix(line, "wasm error: ")
	}
	if said != "" {
		f.text += ": " + said
	}
	return f
}
