package lint

import (
	"fmt"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
)

func book() *ledger.Book {
	return &ledger.Book{
		AgeStep:  86_400_000,
		Scores:   []ledger.Score{{Name: "interest", ID: 1}, {Name: "fit", ID: 2, Scale: ledger.ScaleClamp, Min: 1_000, Max: 10_000}},
		Counters: []ledger.CounterDef{{Name: "posts"}},
		Steps:    []ledger.StepDef{{Name: "who", Grades: []string{"good", "bad"}}},
	}
}

func compiled(t require.TestingT, b *ledger.Book, src string) *expr.Expr {
	e, diags := hclsyntax.ParseExpression([]byte(src), "test.hcl", hcl.InitialPos)
	require.Empty(t, diags)
	s := &expr.Scope{Book: b, Place: "a route", Allow: expr.InRoute, Steps: 1}
	x, diags := s.Compile(e, expr.Bool)
	require.Empty(t, diags, src)
	return x
}

// run gives the names of the lints that routes find, in order.
func run(t *testing.T, routes ...string) (found []string) {
	b := book()
	in := &Input{Book: b, Sales: []string{"sales-handoff"}}
	for i, src := range routes {
		x := compiled(t, b, src)
		in.Routes = append(in.Routes, &Branch{Of: fmt.Sprint("r", i), Action: fmt.Sprint("a", i), Form: x.Form})
	}
	in.Routes = append(in.Routes, &Branch{Of: "rest", Action: "nurture"})
	for _, f := range Run(in) {
		found = append(found, f.Lint+" "+f.Of)
	}
	return found
}

// The published tables are complete and free of conflicts, as they stand.
func TestTables_R003_12_R003_10_R003_11_R004_02_R004_03_R000_17(t *testing.T) {
	tests := map[string]struct {
		routes []string
		want   []string
	}{
		"P1":                  {[]string{`fit >= 8 && interest > 0`, `fit < 8 && interest > 0`}, nil},
		"P2":                  {[]string{`between(fit, 5, 10) && interest >= 8`}, nil},
		"posts are whole":     {[]string{`between(count.posts, 4, 7) && grade == "good"`, `count.posts >= 8 && grade == "good"`}, nil},
		"posts with a gap":    {[]string{`between(count.posts, 4, 6) && grade == "good"`, `count.posts >= 8 && grade == "good"`}, []string{"table-hole r1"}},
		"points are not":      {[]string{`between(interest, 4, 7) && grade == "good"`, `interest >= 8 && grade == "good"`}, []string{"table-hole r1"}},
		"a milli-point":       {[]string{`interest <= 7.999 && grade == "good"`, `interest >= 8 && grade == "good"`}, nil},
		"four corners":        {[]string{`fit >= 5 && interest >= 5`, `fit >= 5 && interest < 5`, `fit < 5 && interest >= 5`}, nil},
		"ordered, special":    {[]string{`fit >= 5 && interest >= 5`, `fit >= 5`}, nil},
		"conflict":            {[]string{`fit >= 5 && interest >= 5`, `interest >= 5 && fit <= 5`}, []string{"overlap r1"}},
		"outside of scale":    {[]string{`fit > 10`, `fit < 1`, `fit >= 1 || interest > 5`, `interest > 5`}, []string{"never-fires r0", "never-fires r1", "unreachable-route r3"}},
		"grades do not order": {[]string{`grade == "good" && interest >= 5`, `grade == "bad" && interest < 5`}, nil},
		"union":               {[]string{`fit >= 5`, `interest > 3 && fit < 5`, `interest > 4`}, []string{"unreachable-route r2"}},
		"unknown grade":       {[]string{`grade == "good"`, `grade == "bad"`, `interest >= 5`}, []string{"overlap r2"}},
	}
	for name, tt := range tests {
		assert.Equal(t, tt.want, run(t, tt.routes...), name)
	}
}

// covers agrees with trying every value on a grid finer than the constants.
func TestCoversAgreesWithTrying(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := book()
		draw := func(name string) *expr.Expr {
			src := "false"
			for i := range rapid.IntRange(1, 3).Draw(t, name) {
				var parts [2]string
				for k, v := range []string{"interest", "fit"} {
					parts[k] = fmt.Sprintf("%s %s %s", v, rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, fmt.Sprint(name, i, k)),
						rapid.SampledFrom([]string{"0", "1", "2.5", "3", "10"}).Draw(t, fmt.Sprint("n", name, i, k)))
				}
				src += rapid.SampledFrom([]string{" || ", " || !"}).Draw(t, fmt.Sprint("not", i)) + "(" + parts[0] + " && " + parts[1] + ")"
			}
			return compiled(t, b, src)
		}
		first, later := draw("first"), draw("later")
		want := true
		f := &ledger.Frame{Book: b, Values: make([]lead.Points, 2)}
		for x := lead.Points(-500); x <= 11_000; x += 250 {
			for y := lead.Points(1_000); y <= 10_000; y += 250 {
				f.Values[0], f.Values[1] = x, y
				want = want && (later.Cond(f) != lead.True || first.Cond(f) == lead.True)
			}
		}
		l := &linter{Input: &Input{Book: b}, left: maxWork}
		require.Equal(t, want, l.covers([]*Branch{{Form: first.Form}}, &Branch{Form: later.Form}), "%s ⇒ %s", later.Form.Key, first.Form.Key)
	})
}

// What has too many cases is let pass, quickly.
func TestTooManyCases(t *testing.T) {
	src := "trait.a0"
	for i := range 30 {
		src += fmt.Sprintf(" || trait.a%d == %d", i+1, i)
	}
	assert.Empty(t, run(t, src, src+" || interest > 5"))
}
