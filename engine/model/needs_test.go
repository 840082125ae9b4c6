package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// handmade compiles a definition of steps whose plugins answer with the given
// needs: step i is named "s<i>" and its block holds one expression.
func handmade(t testing.TB, needs ...*abi.Needs) (*Model, hcl.Diagnostics) {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(`trait.size`), "steps.hcl", hcl.InitialPos)
	require.Empty(t, diags)
	def := &workflow.Definition{
		Name: "handmade", LeadWord: "lead", Zone: "UTC", AgeStep: day, Sales: []string{"sales-handoff"}, MaxBuckets: 64,
		Range: hcl.Range{Filename: "steps.hcl"}, Routes: []workflow.Route{{Action: "nurture", Name: "rest", Default: true}},
	}
	plugins := map[string]Plugin{}
	for i, n := range needs {
		name := fmt.Sprintf("s%d", i)
		plugins[name] = &testPlugin{
			info:  PluginInfo{Manifest: abi.Manifest{Name: name, Version: "1.0.0"}, Digest: name, Caps: abi.CapLedger},
			needs: func([]abi.Node) *abi.Needs { return n },
		}
		def.Scores = append(def.Scores, workflow.Score{Name: name})
		def.Steps = append(def.Steps, workflow.Step{
			Plugin: name, Name: name, Range: hcl.Range{Filename: "steps.hcl"},
			Config: &workflow.Node{Kind: workflow.NodeObject, Members: []*workflow.Node{{Kind: workflow.NodeExpr, Key: "of", Expr: e}}},
		})
	}
	return Compile(def, plugins)
}

func TestImpossibleNeeds(t *testing.T) {
	rule := func(r abi.Rule) *abi.Needs { return &abi.Needs{Rules: []abi.Rule{r}} }
	input := func(in abi.Input) *abi.Needs { return &abi.Needs{Inputs: []abi.Input{in}} }
	enum := abi.Input{Kind: abi.InputEnum, Source: abi.FromEvent, Literals: []abi.Literal{{Text: "A"}}}
	gateInputs := []abi.Input{enum, {Kind: abi.InputBool, Source: abi.FromExpr}, enum}
	tests := map[string]*abi.Needs{
		"unknown kind":               input(abi.Input{Kind: 99, Source: abi.FromProp}),
		"unknown source":             input(abi.Input{Kind: abi.InputBool, Source: 99}),
		"enum without literals":      input(abi.Input{Kind: abi.InputEnum, Source: abi.FromEvent}),
		"expression 1":               input(abi.Input{Kind: abi.InputBool, Source: abi.FromExpr, Expr: 1}),
		"cannot be read as":          input(abi.Input{Kind: abi.InputTime, Source: abi.FromEvent}),
		"reads counter \"visits\"":   input(abi.Input{Kind: abi.InputCount, Source: abi.FromCounter, Name: "visits"}),
		"no earlier step of that":    input(abi.Input{Kind: abi.InputString, Source: abi.FromGrade, Name: "s0"}),
		"reads the flag":             input(abi.Input{Kind: abi.InputBool, Source: abi.FromFlag, Name: "s0.x"}),
		"rule 0 without a name":      rule(abi.Rule{}),
		"unknown scope 7":            rule(abi.Rule{Name: "a", Scope: 7}),
		"no multiple of the age":     rule(abi.Rule{Name: "a", Window: 3_600_000}),
		"caps -1 and 0":              rule(abi.Rule{Name: "a", Cap: -1}),
		"There is no score \"x\"":    rule(abi.Rule{Name: "a", Score: "x"}),
		"no step \"z\" with rules":   rule(abi.Rule{Name: "a", Step: "z"}),
		"rule \"a\" twice":           {Rules: []abi.Rule{{Name: "a"}, {Name: "a"}}},
		"class \"c\" with two caps":  {Rules: []abi.Rule{{Name: "a", Class: "c", ClassCap: 1}, {Name: "b", Class: "c", ClassCap: 2}}},
		"gate 0 of input 9":          {Inputs: gateInputs, Gates: []abi.Gate{{Input: 9, Of: 0, Literal: 1}}},
		"gate 0 by literal 2 of 1":   {Inputs: gateInputs, Gates: []abi.Gate{{Input: 1, Of: 0, Literal: 2}}},
		"gate 0 by input 1, which":   {Inputs: gateInputs, Gates: []abi.Gate{{Input: 0, Of: 1, Literal: 1}}},
		"gate 1 by input 0, which":   {Inputs: gateInputs, Gates: []abi.Gate{{Input: 0, Of: 2, Literal: 1}, {Input: 1, Of: 0, Literal: 1}}},
		"grade \"A\" twice":          {Grades: []string{"A", "A"}},
		"counter 0 without a name":   {Counters: []abi.Counter{{}}},
		"counter \"n\" twice":        {Counters: []abi.Counter{{Name: "n"}, {Name: "n"}}},
		"expression 4, but":          {Counters: []abi.Counter{{Name: "n", Where: 5}}},
		"in steps of 1h":             {AgeStep: 3_600_000},
		"which has no ledger lines":  {Views: []abi.View{{Score: "x"}}},
		"looks at class \"c\"":       {Views: []abi.View{{Class: "c"}}},
		"no rule of the workflow is": {Views: []abi.View{{Rule: "s0/x"}}},
	}
	for want, needs := range tests {
		m, diags := handmade(t, needs)
		assert.Nil(t, m, want)
		if assert.True(t, diags.HasErrors(), want) {
			assert.Contains(t, diags.Error(), want)
		}
	}
}

// What a plugin asks for after it complained of its block is a follow-up, not
// a fault of the plugin.
func TestComplaintComesBeforeFaults(t *testing.T) {
	_, diags := handmade(t, &abi.Needs{
		Rules: []abi.Rule{{Name: "a"}, {Name: "a"}},
		Diags: []abi.Diag{{Severity: abi.DiagError, Name: "duplicate", Summary: "Scored twice", Detail: "Rename one of them."}},
	})
	require.Len(t, diags, 1)
	assert.Equal(t, "Scored twice", diags[0].Summary)
}

// A later step reads what an earlier one said; its own counter comes before
// the workflow's of the same name.
func TestProjectorsOfOtherSteps(t *testing.T) {
	m, diags := handmade(t,
		&abi.Needs{Grades: []string{"A", "B"}, Flags: []string{"x", "y"}, Rules: []abi.Rule{{Name: "r", Class: "c", Max: 5}}},
		&abi.Needs{
			Counters: []abi.Counter{{Name: "visits", Paths: []string{"/*"}, Window: 7 * day, Distinct: "asset", Where: 1}},
			Rules:    []abi.Rule{{Step: "s0", Name: "r"}},
			Views:    []abi.View{{Class: "s0/c"}, {Score: "s0"}},
			Inputs: []abi.Input{
				{Kind: abi.InputEnum, Source: abi.FromGrade, Literals: []abi.Literal{{Text: "B"}}},
				{Kind: abi.InputBool, Source: abi.FromFlag, Name: "s0.y"},
				{Kind: abi.InputCount, Source: abi.FromCounter, Name: "visits"},
				{Kind: abi.InputTime, Source: abi.FromLastActivity},
				{Kind: abi.InputKey, Source: abi.FromEventID},
				{Kind: abi.InputString, Source: abi.FromExpr},
				{Kind: abi.InputNumber, Source: abi.FromExpr},
				{Kind: abi.InputTime, Source: abi.FromTrait, Name: "since"},
				{Kind: abi.InputCount, Source: abi.FromProp, Name: "n"},
				{Kind: abi.InputBool, Source: abi.FromContext, Name: "bot"},
				{Kind: abi.InputEnum, Source: abi.FromKind, Literals: []abi.Literal{{Text: "track"}, {Text: "page"}}},
			},
		})
	require.Empty(t, diags)
	assert.Equal(t, []int{0}, m.Steps[1].Rules, "the rule of the other step")
	id := ledger.Hash("rule", "s0", "r")
	assert.Equal(t, []step.RowView{{Rules: []uint32{id}}, {Score: ledger.Hash("score", "s0")}}, m.Steps[1].Views)
	assert.Equal(t, "s1/visits", m.Book.Counters[0].Name)

	a := ledger.NewAccount(m.Book, "ada")
	a.LastActivity = 77
	a.Person = lead.Props{{Name: "since", Value: lead.StringOf("2026-01-02")}, {Name: "size", Value: lead.NumberOf(12)}}
	a.Counters[0].Seen = []ledger.Seen{{Hash: 1, Step: 99}, {Hash: 2, Step: 12}}
	f := scored(m, a, &lead.Event{ID: "e1", Kind: lead.Page, Path: "/x", Props: lead.Props{{Name: "asset", Value: lead.StringOf("a")}, {Name: "n", Value: lead.NumberOf(2.5)}}})
	project := func(i int) string {
		bits, text, ok := m.Steps[1].Project[i](f)
		return fmt.Sprint(bits, " ", text, " ", ok)
	}
	assert.Equal(t, "0  false", project(0), "no grade yet")
	assert.Equal(t, "0  false", project(1), "no flag yet")
	a.Steps[0] = ledger.StepMemo{Ran: true, Grade: 2, Out: 2}
	assert.Equal(t, "1  true", project(0))
	assert.Equal(t, "1  true", project(1))
	assert.Equal(t, "1  true", project(2), "one of the two is older than the window")
	assert.Equal(t, "77  true", project(3))
	assert.Equal(t, fmt.Sprint(ledger.Hash64("e1"), "  true"), project(4))
	assert.Equal(t, "0 12 true", project(5))
	assert.Equal(t, fmt.Sprint(math.Float64bits(12), "  true"), project(6))
	assert.Equal(t, "1767312000000  true", project(7))
	assert.Equal(t, "0  false", project(8), "2.5 is no count")
	assert.Equal(t, "0  false", project(9))
	assert.Equal(t, "2  true", project(10))
	// where = trait.size: a number is no condition that is true.
	assert.False(t, m.Book.Counters[0].Match(f))
	a.Person = nil
	assert.Equal(t, "0  false", project(5))
}

func TestFallbackSharesRules(t *testing.T) {
	needs := func(score string, grades ...string) *abi.Needs {
		return &abi.Needs{Rules: []abi.Rule{{Name: "r", Score: score, Max: 5}}, Grades: grades}
	}
	compileWith := func(backup *abi.Needs) (*Model, hcl.Diagnostics) {
		_, diags := handmade(t, needs(""))
		require.Empty(t, diags)
		def := &workflow.Definition{
			Name: "f", Zone: "UTC", AgeStep: day, MaxBuckets: 64, Routes: []workflow.Route{{Action: "nurture", Name: "rest", Default: true}},
			Scores: []workflow.Score{{Name: "s"}, {Name: "t", Declared: true}},
			Steps:  []workflow.Step{{Plugin: "p", Name: "s", OnError: "fallback", Fallback: "q"}},
		}
		return Compile(def, map[string]Plugin{
			"p": &testPlugin{info: PluginInfo{Manifest: abi.Manifest{Name: "p"}, Digest: "p"}, needs: func([]abi.Node) *abi.Needs { return needs("", "A") }},
			"q": &testPlugin{info: PluginInfo{Manifest: abi.Manifest{Name: "q"}, Digest: "q"}, needs: func([]abi.Node) *abi.Needs { return backup }},
		})
	}
	m, diags := compileWith(needs("", "A"))
	require.False(t, diags.HasErrors(), diags)
	assert.Equal(t, step.OnErrorFallback, m.Steps[0].OnError)
	assert.Equal(t, "q", m.Steps[0].Fallback.Plugin)
	assert.Equal(t, m.Steps[0].Rules, m.Steps[0].Fallback.Rules)
	_, diags = compileWith(needs("t", "A"))
	assert.Contains(t, diags.Error(), "another score or class")
	_, diags = compileWith(needs("", "B"))
	assert.Contains(t, diags.Error(), "grades, reasons and flags")
}

// Accounts are kept by ids of 32 bits: two names with one id are refused.
func TestNamesThatCollide(t *testing.T) {
	seen := map[uint32]string{}
	var a, b string
	for i := 0; b == ""; i++ {
		name := fmt.Sprintf("rule-%d", i)
		id := ledger.Hash("rule", "s0", name)
		if other, ok := seen[id]; ok {
			a, b = other, name
		}
		seen[id] = name
	}
	_, diags := handmade(t, &abi.Needs{Rules: []abi.Rule{{Name: a}, {Name: b}}})
	require.True(t, diags.HasErrors())
	assert.Contains(t, diags.Error(), "Names collide")
}

func TestPluginThatRefuses(t *testing.T) {
	def := &workflow.Definition{Name: "f", Zone: "UTC", AgeStep: day, Steps: []workflow.Step{{Plugin: "p", Name: "s"}, {Plugin: "grader", Name: "g"}}}
	_, diags := Compile(def, map[string]Plugin{"graders": testPlugins()["grader"], "p": broken{}})
	require.Len(t, diags, 2)
	assert.Contains(t, diags[0].Detail, "out of ideas")
	assert.Contains(t, diags[1].Detail, `Did you mean "graders"?`)
}

type broken struct{}

func (broken) Info() PluginInfo                     { return PluginInfo{} }
func (broken) Configure([]byte) (*abi.Needs, error) { return nil, fmt.Errorf("out of ideas") }

func TestProjectorsDoNotAllocate(t *testing.T) {
	m := lettersModel(t)
	a := ledger.NewAccount(m.Book, "ada")
	a.Person = lead.Props{{Name: "title", Value: lead.StringOf("Head of Sales")}}
	a.Company = lead.Props{{Name: "employees", Value: lead.NumberOf(120)}, {Name: "industry", Value: lead.StringOf("saas")}}
	f := scored(m, a, &lead.Event{Name: "Guide Downloaded", Kind: lead.Track, Path: "/product/a/b"})
	for _, s := range m.Steps {
		for i, p := range s.Project {
			assert.Zero(t, testing.AllocsPerRun(50, func() { p(f) }), "step %s input %d", s.Name, i)
		}
	}
}

func BenchmarkProject(b *testing.B) {
	m := lettersModel(b)
	a := ledger.NewAccount(m.Book, "ada")
	f := scored(m, a, &lead.Event{Name: "Guide Downloaded", Kind: lead.Track, Path: "/product/a/b"})
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range m.Steps {
			for _, p := range s.Project {
				p(f)
			}
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		lettersModel(b)
	}
}
