package mapping

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/ripenhq/ripen/engine/intake"
)

var fileSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "mapping", LabelNames: []string{"name"}}}}

var mappingSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "id", Required: true}, {Name: "time", Required: true}, {Name: "account_id"},
		{Name: "comma"}, {Name: "nulls"}, {Name: "dates"}, {Name: "zone"}, {Name: "decimal"}, {Name: "never"}},
	Blocks: []hcl.BlockHeaderSchema{{Type: "trait", LabelNames: []string{"name"}}, {Type: "account", LabelNames: []string{"name"}},
		{Type: "event", LabelNames: []string{"name"}}, {Type: "page", LabelNames: []string{"path"}}},
}

var factSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "column", Required: true}, {Name: "type"}, {Name: "optional"}}}

var activitySchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "when_column"}, {Name: "equals"}, {Name: "count_column"}, {Name: "max"}},
	Blocks:     []hcl.BlockHeaderSchema{{Type: "property", LabelNames: []string{"name"}}},
}

// Load reads the mappings of one file. The mappings are of use only if the
// diagnostics hold no errors.
func Load(filename string, src []byte) ([]*Mapping, hcl.Diagnostics) {
	file, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	l := &loader{diags: diags}
	content := l.content(file.Body, fileSchema)
	var out []*Mapping
	names := map[string]bool{}
	for _, b := range content.Blocks {
		if names[b.Labels[0]] {
			l.fail(b.LabelRanges[0], "Second mapping of this name", "Found another mapping %q above; expected each name once. Rename one of them.", b.Labels[0])
		}
		names[b.Labels[0]] = true
		out = append(out, l.mapping(b))
	}
	if len(out) == 0 && !l.diags.HasErrors() {
		l.fail(file.Body.MissingItemRange(), "No mapping", "Found no mapping block; expected at least one: mapping \"name\" { … }.")
	}
	return out, l.diags
}

// loader collects all mistakes of a file.
type loader struct{ diags hcl.Diagnostics }

func (l *loader) fail(at hcl.Range, summary, detail string, args ...any) {
	l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary,
		Detail: fmt.Sprintf(detail, args...), Subject: at.Ptr()})
}

func (l *loader) content(body hcl.Body, schema *hcl.BodySchema) *hcl.BodyContent {
	content, diags := body.Content(schema)
	l.diags = append(l.diags, diags...)
	return content
}

func (l *loader) mapping(b *hcl.Block) *Mapping {
	c := l.content(b.Body, mappingSchema)
	m := &Mapping{Name: b.Labels[0], Range: b.DefRange, Zone: time.UTC, Decimal: '.', Nulls: defaultNulls}
	m.ID, m.AccountID = l.column(c.Attributes["id"]), l.column(c.Attributes["account_id"])
	m.Time = l.when(c.Attributes["time"])
	if a := c.Attributes["nulls"]; a != nil {
		m.Nulls = l.texts(a)
	}
	m.Comma = l.oneOf(c.Attributes["comma"], 0, ",", ";", "\t", "|")
	m.Decimal = l.oneOf(c.Attributes["decimal"], '.', ".", ",")
	m.Zone = l.zone(c.Attributes["zone"])
	m.Dates = l.dates(c.Attributes["dates"])
	for _, inner := range c.Blocks {
		switch inner.Type {
		case "trait":
			m.Traits = append(m.Traits, l.fact(inner, m.Traits))
		case "account":
			m.Account = append(m.Account, l.fact(inner, m.Account))
		default:
			m.Events = append(m.Events, l.activity(inner))
		}
	}
	if a := c.Attributes["never"]; a != nil {
		l.never(m, l.texts(a))
	}
	return m
}

// columnFunc lets an attribute that otherwise takes a text name a column.
var columnFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "names", Type: cty.String},
	Type:     function.StaticReturnType(cty.Object(map[string]cty.Type{"column": cty.List(cty.String)})),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if len(args) == 0 {
			return cty.NilVal, fmt.Errorf("column() needs the name of a column")
		}
		return cty.ObjectVal(map[string]cty.Value{"column": cty.ListVal(args)}), nil
	},
})

var evalContext = &hcl.EvalContext{Functions: map[string]function.Function{"column": columnFunc}}

// value evaluates an attribute; ok is false if it is absent or in error.
func (l *loader) value(a *hcl.Attribute) (cty.Value, bool) {
	if a == nil {
		return cty.NilVal, false
	}
	v, diags := a.Expr.Value(evalContext)
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	if v.IsNull() || !v.IsWhollyKnown() {
		l.fail(a.Expr.Range(), "No value", "Found nothing for %q; expected a value. Leave the attribute out instead.", a.Name)
		return cty.NilVal, false
	}
	return v, true
}

// texts reads a text or a list of texts.
func (l *loader) texts(a *hcl.Attribute) []string {
	v, ok := l.value(a)
	if !ok {
		return nil
	}
	if out, ok := textsOf(v); ok {
		return out
	}
	l.fail(a.Expr.Range(), "Wrong type", "Found %s for %q; expected a text or a list of texts.", v.Type().FriendlyName(), a.Name)
	return nil
}

func textsOf(v cty.Value) ([]string, bool) {
	if v.Type() == cty.String {
		return []string{v.AsString()}, true
	}
	if v.Type().IsObjectType() && v.Type().HasAttribute("column") {
		v = v.GetAttr("column")
	}
	if !v.Type().IsTupleType() && !v.Type().IsListType() {
		return nil, false
	}
	out := []string{}
	for _, e := range v.AsValueSlice() {
		if e.IsNull() || e.Type() != cty.String {
			return nil, false
		}
		out = append(out, e.AsString())
	}
	return out, true
}

func (l *loader) column(a *hcl.Attribute) Column {
	if a == nil {
		return Column{}
	}
	names := l.texts(a)
	if names != nil && len(names) == 0 {
		l.fail(a.Expr.Range(), "No column", "Found an empty list; expected the name of a column.")
	}
	return Column{Names: names, Range: a.Expr.Range()}
}

func (l *loader) when(a *hcl.Attribute) When {
	v, ok := l.value(a)
	if !ok {
		return When{}
	}
	if v.Type() != cty.String {
		return When{Column: l.column(a)}
	}
	ms, code, why := intake.ParseTime(v.AsString())
	if code != "" {
		l.fail(a.Expr.Range(), "No time", "%s. To read the time of each row, write time = column(\"…\").", sentence(why))
	}
	return When{Fixed: ms, Column: Column{Range: a.Expr.Range()}}
}

// sentence starts a reason with a capital.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// oneOf reads a one-byte text out of a choice.
func (l *loader) oneOf(a *hcl.Attribute, otherwise byte, choice ...string) byte {
	v, ok := l.value(a)
	if !ok {
		return otherwise
	}
	if v.Type() == cty.String {
		for _, c := range choice {
			if v.AsString() == c {
				return c[0]
			}
		}
	}
	l.fail(a.Expr.Range(), "Not one of the choices", "Expected %q to be one of %q.", a.Name, choice)
	return otherwise
}

func (l *loader) zone(a *hcl.Attribute) *time.Location {
	v, ok := l.value(a)
	if !ok {
		return time.UTC
	}
	if v.Type() == cty.String && v.AsString() != "" && v.AsString() != "Local" {
		if zone, err := time.LoadLocation(v.AsString()); err == nil {
			return zone
		}
	}
	l.fail(a.Expr.Range(), "Unknown time zone", "Expected a name such as \"UTC\" or \"Europe/Berlin\".")
	return time.UTC
}

func (l *loader) dates(a *hcl.Attribute) []string {
	formats := defaultDates
	if a != nil {
		formats = l.texts(a)
	}
	var out []string
	for _, f := range formats {
		layout, ok := layoutOf(f)
		if !ok {
			l.fail(a.Expr.Range(), "Unknown date format", "Found %q; expected year, month and day such as \"DD-MM-YYYY\" or \"MM/DD/YYYY hh:mm A\".", f)
			continue
		}
		out = append(out, layout)
	}
	return out
}
