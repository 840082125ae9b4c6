package workflow

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// earner reads earns "interest" { events = { "Email Opened" = 5 } }: a table of
// things of which each happens to a lead of its own, and alone. The lead must
// then have that score.
type earner struct {
	*loader
	score string
	about hcl.Range // the score's name
	props lead.Props
	lead  string // what the names of its leads begin with
	acts  []Act
}

// earns reads the n-th such block of a test.
func (l *loader) earns(b *hclsyntax.Block, n int) []Act {
	if !l.oneLabel(b, `earns "interest" { events = { "Email Opened" = 5 } }`) {
		return nil
	}
	r := l.reader(b)
	e := &earner{loader: l, score: b.Labels[0], about: b.LabelRanges[0], props: l.props(r, "properties"), lead: fmt.Sprintf("earns-%d-", n)}
	e.happenings(r, "events", func(name string) lead.Event {
		return lead.Event{Kind: lead.Track, Name: name, Props: e.props}
	})
	e.happenings(r, "pages", func(path string) lead.Event {
		return lead.Event{Kind: lead.Page, Path: path, Props: e.props}
	})
	e.facts(r, "traits", "title", lead.Identify)
	e.facts(r, "account", "industry", lead.Group)
	r.done()
	if len(e.acts) == 0 {
		l.Errorf(r.def, "Nothing is checked", "%s lists nothing that earns points. Add events, pages, traits or account, as in events = { \"Email Opened\" = 5 }.", r.what)
	}
	return e.acts
}

// happenings reads events = { "Email Opened" = 5 } and pages = { "/pricing" = 15 }.
func (e *earner) happenings(r *reader, name string, event func(key string) lead.Event) {
	a := r.attr(name)
	if a == nil {
		return
	}
	for _, item := range e.items(a.Expr, name, `{ "Email Opened" = 5 }`) {
		key := item.key.AsString()
		if strings.TrimSpace(key) == "" {
			e.Errorf(item.keyRange, "Empty text", "%s has an entry without a name. Name what happens.", name)
			continue
		}
		e.row(item, fmt.Sprintf("%s[%q]", name, value.Shorten(key)), key, event(key))
	}
}

// facts reads traits = { title = { "VP Sales" = 9 } }.
func (e *earner) facts(r *reader, name, example string, kind lead.Kind) {
	a := r.attr(name)
	if a == nil {
		return
	}
	form := fmt.Sprintf("{ %s = { … = 9 } }: the points of each value", example)
	for _, trait := range e.items(a.Expr, name, form) {
		of := trait.key.AsString()
		what := name + "." + value.Shorten(of)
		for _, item := range e.items(trait.value, what, `{ "one value" = 9, "another" = 5 }`) {
			v, text := lead.StringOf(item.key.AsString()), item.key.AsString()
			if n := item.number; n != nil {
				v = lead.NumberOf(*n)
			}
			e.row(item, what+"["+text+"]", of+" "+text, lead.Event{Kind: kind, Traits: lead.Props{{Name: of, Value: v}}})
		}
	}
}

// row adds one event and the look at what it has earned.
func (e *earner) row(item earned, what, about string, event lead.Event) {
	p := e.pointsOf(item.value, what)
	if p == nil {
		return
	}
	event.Lead = fmt.Sprint(e.lead, len(e.acts)+1)
	rng := item.value.Range()
	e.acts = append(e.acts, Act{Event: event, Count: 1, Range: item.keyRange, Look: &Expectation{
		Lead: event.Lead, After: about, Range: rng,
		Scores: []ExpectedScore{{Name: e.score, NameRange: e.about, Value: *p, Range: rng}},
	}})
}

// earned is one entry of an object.
type earned struct {
	key      cty.Value // a string
	number   *float64  // the key, if it is written as a number
	keyRange hcl.Range
	value    hclsyntax.Expression
}

// items reads the entries of an object whose keys are strings or numbers.
func (l *loader) items(expr hclsyntax.Expression, what, example string) (out []earned) {
	object, ok := value.Unwrap(expr).(*hclsyntax.ObjectConsExpr)
	if !ok {
		l.Errorf(expr.Range(), "Wrong type", "%s must be an object such as %s.", what, example)
		return nil
	}
	for _, item := range object.Items {
		key, diags := item.KeyExpr.Value(nil)
		it := earned{key: key, keyRange: item.KeyExpr.Range(), value: item.ValueExpr}
		switch {
		case diags.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String && key.Type() != cty.Number:
			l.Errorf(it.keyRange, "Wrong name", "A name is expected here, as in %s.", example)
			continue
		case key.Type() == cty.Number:
			n, _ := key.AsBigFloat().Float64()
			it.number, it.key = &n, cty.StringVal(key.AsBigFloat().Text('f', -1))
		}
		out = append(out, it)
	}
	return out
}

// pointsOf reads a constant number of points, nil if it is none.
func (l *loader) pointsOf(expr hclsyntax.Expression, what string) *lead.Points {
	v, ok := l.Constant(expr, what)
	if !ok {
		return nil
	}
	if v.IsNull() || v.Type() != cty.Number {
		l.Errorf(expr.Range(), "Wrong type", "%s must be a number of points, found %s.", what, value.Found(v))
		return nil
	}
	return l.Points(v, what, expr.Range())
}
