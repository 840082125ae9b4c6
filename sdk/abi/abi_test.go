package abi_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk/abi"
)

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"/", "/", true}, {"/", "/a", false}, {"/*", "/", true}, {"/*", "/a/b", true}, {"/*", "", false},
		{"/blog/*", "/blog", true}, {"/blog/*", "/blog/", true}, {"/blog/*", "/blog/a/b", true}, {"/blog/*", "/blogs", false},
		{"/*/x/*", "/a/x", true}, {"*", "", true}, {"*", "anything", true}, {"", "", true}, {"", "a", false},
		{"a*c", "abc", true}, {"a*c", "ab", false}, {"a*b*c", "aXbbYc", true}, {"a*b*c", "acb", false}, {"**", "x", true},
		{"*ab", "aab", true}, {"*aab", "aaab", true}, {"head of*", "head of sales", true}, {"ü*", "über", true},
	} {
		require.Equal(t, c.want, abi.MatchGlob(c.pattern, c.text), "%q %q", c.pattern, c.text)
	}
}

// slow is the definition: a star takes nothing, or one byte and stays.
func slow(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return slow(pattern[1:], text) || (text != "" && slow(pattern, text[1:]))
	}
	return text != "" && pattern[0] == text[0] && slow(pattern[1:], text[1:])
}

func TestMatchGlob_IsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "text")
		require.Equal(t, slow(pattern, text), abi.MatchGlob(pattern, text))
	})
}

func TestLiteral_Match(t *testing.T) {
	for _, c := range []struct {
		literal abi.Literal
		text    string
		want    bool
	}{
		{abi.Literal{Text: "SaaS"}, "SaaS", true}, {abi.Literal{Text: "SaaS"}, "saas", false}, {abi.Literal{Text: "SaaS", Fold: true}, "saas", true},
		{abi.Literal{Text: "a*"}, "ab", false}, {abi.Literal{Text: "a*"}, "a*", true}, {abi.Literal{Text: "A*", Glob: true, Fold: true}, "aB", true},
	} {
		require.Equal(t, c.want, c.literal.Match(c.text), "%+v %q", c.literal, c.text)
	}
}

func full() *abi.Needs {
	return &abi.Needs{
		Inputs: []abi.Input{{Kind: abi.InputEnum, Source: abi.FromEvent, Literals: []abi.Literal{{Text: "A", Glob: true, Fold: true}}}, {Kind: abi.InputBool, Source: abi.FromExpr, Expr: 300}},
		Rules: []abi.Rule{{Name: "r", Score: "s", Class: "c", Template: "{label}", Scope: abi.ScopeOnce, Keys: []string{"asset", "list_id"}, PerDay: true, MaxN: 3,
			Window: 1 << 40, Cap: -5, ClassCap: 7, Node: 9, Activity: true, Passive: true, Max: -1 << 40, Account: true}, {Name: "f", Step: "other"}},
		Views: []abi.View{{Score: "s", Class: "c", Rule: "r"}}, Grades: []string{"A", "B"}, Reasons: []string{"why"}, Flags: []string{"flag"},
		Counters: []abi.Counter{{Name: "n", Events: []string{"A"}, Paths: []string{"/"}, Where: 2, Window: 5, Distinct: "asset", Node: 1}},
		Diags:    []abi.Diag{{Severity: abi.DiagWarning, Node: 4, Name: "lint", Summary: "s", Detail: "d"}},
		ScaleMin: -1, ScaleMax: 100_000, AgeStep: 86_400_000, Horizon: 60 * 86_400_000,
		Gates: []abi.Gate{{Input: 1, Of: 0, Literal: 1}, {Input: 300, Of: 2, Literal: 70_000}},
	}
}

func TestNeeds_RoundTrip(t *testing.T) {
	n, err := abi.DecodeNeeds(abi.AppendNeeds(nil, full()))
	require.NoError(t, err)
	require.Equal(t, full(), n)
}

func FuzzDecodeNeeds(f *testing.F) {
	f.Add(abi.AppendNeeds(nil, full()))
	f.Add(abi.AppendNeeds(nil, &abi.Needs{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := abi.DecodeNeeds(b)
		if err != nil {
			require.ErrorIs(t, err, abi.ErrNeeds)
			return
		}
		again, err := abi.DecodeNeeds(abi.AppendNeeds(nil, n))
		require.NoError(t, err)
		require.Equal(t, n, again)
	})
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add(abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeString, Key: "k", Text: "v", Next: 2}, {Kind: abi.NodeExpr, Value: 3}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := abi.DecodeConfig(b)
		if err != nil {
			require.ErrorIs(t, err, abi.ErrConfig)
			return
		}
		for i, n := range nodes {
			require.True(t, n.Next == 0 || (n.Next > uint32(i) && n.Next < uint32(len(nodes))))
			require.True(t, n.Child == 0 || (n.Child > uint32(i) && n.Child < uint32(len(nodes))))
		}
	})
}

func TestRecords_RoundTrip(t *testing.T) {
	slot := abi.Slot{At: -1, Now: 2, Seed: 3, Event: 4, Kind: 5, RowFirst: 6, RowN: 7, StateOff: 8, StateLen: 9, StateCap: 10, Flags: 11}
	row := abi.Row{View: 1, Count: 2, At: 3, Step: 4, Scope: 5, Awarded: -6, Reversed: 7, Remaining: 8, Last: 9}
	entry := abi.Entry{Kind: 1, Flags: 2, Rule: 3, Slot: 4, Delta: -5, Scope: 6, Target: 7, Label: 8}
	result := abi.Result{Status: 1, Flags: 2, Out: 3, WakeAt: 4, Grade: 5, Reason: 6, StateLen: 7, EntryFirst: 8, EntryN: 9, TextOff: 10, TextLen: 11}
	binding := abi.Binding{SlotStride: 1, Inputs: 2, Words: 3, Rules: 4}
	b := make([]byte, 128)
	slot.Encode(b)
	require.Equal(t, slot, abi.DecodeSlot(b))
	row.Encode(b)
	require.Equal(t, row, abi.DecodeRow(b))
	entry.Encode(b)
	require.Equal(t, entry, abi.DecodeEntry(b))
	result.Encode(b)
	require.Equal(t, result, abi.DecodeResult(b))
	binding.Encode(b)
	require.Equal(t, binding, abi.DecodeBinding(b))
	require.Equal(t, []int{0, 1, 1, 2}, []int{abi.Words(0), abi.Words(1), abi.Words(64), abi.Words(65)})
	require.Equal(t, abi.SlotSize+16+65*8, abi.Stride(65))
}
