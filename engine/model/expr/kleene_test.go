package expr

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// logic draws a random condition over trait.a … trait.d with its meaning by
// Kleene's tables.
func logic(t *rapid.T, depth int) (src string, mean func(map[string]lead.Tri) lead.Tri) {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 0:
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
		return "trait." + name, func(m map[string]lead.Tri) lead.Tri { return m[name] }
	case 1:
		v := rapid.Bool().Draw(t, "constant")
		return fmt.Sprint(v), func(map[string]lead.Tri) lead.Tri { return lead.TriOf(v) }
	case 2:
		s, f := logic(t, depth-1)
		return "!(" + s + ")", func(m map[string]lead.Tri) lead.Tri { return not3(f(m)) }
	}
	a, f := logic(t, depth-1)
	b, g := logic(t, depth-1)
	if kind == 3 {
		return "(" + a + " && " + b + ")", func(m map[string]lead.Tri) lead.Tri { return and3(f(m), g(m)) }
	}
	return "(" + a + " || " + b + ")", func(m map[string]lead.Tri) lead.Tri { return or3(f(m), g(m)) }
}

// Kleene's tables, written out and not derived from the code under test.
func not3(a lead.Tri) lead.Tri { return map[lead.Tri]lead.Tri{yes: no, no: yes, dk: dk}[a] }

func and3(a, b lead.Tri) lead.Tri {
	return map[[2]lead.Tri]lead.Tri{
		{yes, yes}: yes, {yes, no}: no, {yes, dk}: dk, {no, yes}: no, {no, no}: no, {no, dk}: no, {dk, yes}: dk, {dk, no}: no, {dk, dk}: dk,
	}[[2]lead.Tri{a, b}]
}

func or3(a, b lead.Tri) lead.Tri { return not3(and3(not3(a), not3(b))) }

func personOf(m map[string]lead.Tri) (p lead.Props) {
	for _, name := range []string{"a", "b", "c", "d"} {
		if m[name] != lead.Unknown {
			p = append(p, lead.Prop{Name: name, Value: lead.BoolOf(m[name] == lead.True)})
		}
	}
	return p
}

// Compiled logic is Kleene's, and more knowledge never takes back an answer:
// what is true or false while something is unknown stays so.
func TestKleene_R002_06(t *testing.T) {
	s, f := world(t)
	rapid.Check(t, func(t *rapid.T) {
		src, mean := logic(t, 5)
		facts := map[string]lead.Tri{}
		for _, name := range []string{"a", "b", "c", "d"} {
			facts[name] = lead.Tri(rapid.IntRange(0, 2).Draw(t, name))
		}
		x, diags := s.Compile(mustParse(t, src), Bool)
		require.Empty(t, diags, src)
		f.Acct.Person = personOf(facts)
		got := x.Cond(f)
		require.Equal(t, mean(facts), got, "%s %v", src, facts)
		for name, v := range facts {
			if v == lead.Unknown {
				facts[name] = lead.Tri(rapid.IntRange(1, 2).Draw(t, "learned "+name))
			}
		}
		f.Acct.Person = personOf(facts)
		if got != lead.Unknown {
			require.Equal(t, got, x.Cond(f), "%s %v", src, facts)
		}
	})
}

// The shape that lints reason about says what the closure computes.
func TestFormsAgreeWithConditions(t *testing.T) {
	s, f := world(t)
	rapid.Check(t, func(t *rapid.T) {
		src, _ := logic(t, 4)
		x, diags := s.Compile(mustParse(t, src), Bool)
		require.Empty(t, diags, src)
		f.Acct.Person = personOf(map[string]lead.Tri{
			"a": lead.Tri(rapid.IntRange(0, 2).Draw(t, "a")), "b": lead.Tri(rapid.IntRange(0, 2).Draw(t, "b")),
		})
		require.Equal(t, x.Cond(f), formValue(x.Form, f), src)
	})
}

func formValue(form *Form, f *ledger.Frame) lead.Tri {
	switch form.Op {
	case FormConst:
		return form.Const
	case FormNot:
		return not3(formValue(form.Kids[0], f))
	case FormAnd, FormOr:
		v := formValue(form.Kids[0], f)
		for _, k := range form.Kids[1:] {
			if form.Op == FormAnd {
				v = and3(v, formValue(k, f))
			} else {
				v = or3(v, formValue(k, f))
			}
		}
		return v
	}
	return TriOf(f.Acct.Person.Get(form.Key[len("trait."):]))
}
