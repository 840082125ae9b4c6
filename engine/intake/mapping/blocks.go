package mapping

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"
)

// fact reads a trait, account or property block.
func (l *loader) fact(b *hcl.Block, before []Fact) Fact {
	c := l.content(b.Body, factSchema)
	f := Fact{Name: b.Labels[0], Column: l.column(c.Attributes["column"])}
	for i := range before {
		if before[i].Name == f.Name {
			l.fail(b.LabelRanges[0], "Second block of this name", "Found another %s %q above; expected each name once. "+
				"If the column goes by several names, list them: column = [\"…\", \"…\"].", b.Type, f.Name)
		}
	}
	if a := c.Attributes["type"]; a != nil {
		v, ok := l.value(a)
		known := false
		if ok && v.Type() == cty.String {
			f.Type, known = typeNames[v.AsString()]
		}
		if ok && !known {
			l.fail(a.Expr.Range(), "Unknown type", "Expected \"text\", \"number\", \"bool\" or \"date\".")
		}
	}
	if a := c.Attributes["optional"]; a != nil {
		if v, ok := l.value(a); ok && v.Type() == cty.Bool {
			f.Optional = v.True()
		} else if ok {
			l.fail(a.Expr.Range(), "Wrong type", "Found %s; expected true or false.", v.Type().FriendlyName())
		}
	}
	return f
}

// activity reads an event or page block.
func (l *loader) activity(b *hcl.Block) Activity {
	c := l.content(b.Body, activitySchema)
	e := Activity{Name: b.Labels[0], Page: b.Type == "page", Range: b.DefRange}
	e.When, e.Count = l.column(c.Attributes["when_column"]), l.column(c.Attributes["count_column"])
	if e.Name == "" {
		l.fail(b.LabelRanges[0], "No name", "Expected the name of the event or the path of the page.")
	}
	when, count := c.Attributes["when_column"], c.Attributes["count_column"]
	if (when == nil) == (count == nil) {
		l.fail(b.DefRange, "When does it happen?", "Expected either when_column, for once, or count_column, for as often as the column says.")
	}
	e.Equals = []string{e.Name}
	if a := c.Attributes["equals"]; a != nil {
		if e.Equals = l.texts(a); when == nil {
			l.fail(a.NameRange, "equals without when_column", "Expected when_column beside it; a count needs no equals.")
		}
	}
	if a := c.Attributes["max"]; a != nil {
		e.Max = l.max(a)
		if count == nil {
			l.fail(a.NameRange, "max without count_column", "Expected count_column beside it.")
		}
	}
	for _, p := range c.Blocks {
		e.Props = append(e.Props, l.fact(p, e.Props))
	}
	return e
}

func (l *loader) max(a *hcl.Attribute) int {
	v, ok := l.value(a)
	if !ok {
		return 0
	}
	var n int
	if v.Type() != cty.Number || gocty.FromCtyValue(v, &n) != nil || n < 1 || n > maxCount {
		l.fail(a.Expr.Range(), "Not a count", "Expected a whole number from 1 to %d.", maxCount)
		return 0
	}
	return n
}

// never refuses the use of columns that are written after the outcome: a score
// that reads them looks good and predicts nothing.
func (l *loader) never(m *Mapping, columns []string) {
	for _, c := range m.columns() {
		for _, name := range c.Names {
			for _, no := range columns {
				if strings.EqualFold(name, no) {
					l.fail(c.Range, "Column that must not be used", "Found %q, which this mapping lists under never. Remove one of the two.", name)
				}
			}
		}
	}
}

// columns lists every column that the mapping reads.
func (m *Mapping) columns() []Column {
	out := []Column{m.ID, m.AccountID, m.Time.Column}
	facts := func(fs []Fact) {
		for i := range fs {
			out = append(out, fs[i].Column)
		}
	}
	facts(m.Traits)
	facts(m.Account)
	for i := range m.Events {
		out = append(out, m.Events[i].When, m.Events[i].Count)
		facts(m.Events[i].Props)
	}
	return out
}

// Uses says whether something is made of a column of this name, and where.
func (m *Mapping) Uses(column string) (at hcl.Range, ok bool) {
	for _, c := range m.columns() {
		for _, name := range c.Names {
			if strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(column)) {
				return c.Range, true
			}
		}
	}
	return hcl.Range{}, false
}
