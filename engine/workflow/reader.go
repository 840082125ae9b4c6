package workflow

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// reader takes the attributes of one block one by one and then knows which
// were never asked for. What it cannot read it reports and leaves zero.
type reader struct {
	l     *loader
	body  *hclsyntax.Body
	def   hcl.Range // the block's header
	what  string    // for people: route "nurture" "rest"
	known []string
}

func (l *loader) reader(b *hclsyntax.Block) *reader {
	return &reader{l: l, body: b.Body, def: b.DefRange(), what: value.BlockTitle(b.Type, b.Labels)}
}

// attr returns the attribute, nil if it is not there.
func (r *reader) attr(name string) *hclsyntax.Attribute {
	r.known = append(r.known, name)
	return r.body.Attributes[name]
}

func (r *reader) has(name string) bool { return r.body.Attributes[name] != nil }

// at is the range of the attribute's value, or the block's header.
func (r *reader) at(name string) hcl.Range {
	if a := r.body.Attributes[name]; a != nil {
		return a.Expr.Range()
	}
	return r.def
}

// require reports attributes that are missing.
func (r *reader) require(name, example string) {
	if !r.has(name) {
		r.l.Errorf(r.def, "Missing attribute", "%s has no %s. Add %s.", r.what, name, example)
	}
}

// done reports what nobody asked for: attributes, and all blocks inside.
func (r *reader) done() {
	r.attrsDone()
	for _, b := range r.body.Blocks {
		r.l.Errorf(b.DefRange(), "Unknown block", "%s has no blocks inside; found %s. %s", r.what, value.BlockTitle(b.Type, b.Labels), blockHint(b.Type, r.known))
	}
}

// attrsDone reports the attributes that nobody asked for.
func (r *reader) attrsDone() {
	for _, a := range byPlace(r.body.Attributes) {
		if !slices.Contains(r.known, a.Name) {
			r.l.Errorf(a.NameRange, "Unknown attribute", "%s has no attribute %q. %s", r.what, a.Name, value.DidYouMean(a.Name, r.known))
		}
	}
}

func blockHint(typ string, known []string) string {
	if slices.Contains(known, typ) {
		return fmt.Sprintf("Write %s = …", typ)
	}
	return "Remove it, or move it out of this block."
}

// value evaluates a constant attribute.
func (r *reader) value(name string) (v cty.Value, rng hcl.Range, ok bool) {
	a := r.attr(name)
	if a == nil {
		return cty.NilVal, r.def, false
	}
	v, ok = r.l.Constant(a.Expr, name)
	return v, a.Expr.Range(), ok
}

// typed evaluates a constant attribute and refuses other types.
func (r *reader) typed(name string, want cty.Type, wantText string) (cty.Value, hcl.Range, bool) {
	v, rng, ok := r.value(name)
	if !ok {
		return v, rng, false
	}
	if v.IsNull() || !v.Type().Equals(want) {
		r.wrong(rng, name, wantText, v)
		return v, rng, false
	}
	return v, rng, true
}

func (r *reader) wrong(rng hcl.Range, name, want string, v cty.Value) {
	r.l.Errorf(rng, "Wrong type", "%s must be %s, found %s.", name, want, value.Found(v))
}

func (r *reader) text(name string) string {
	v, _, ok := r.typed(name, cty.String, "a string")
	if !ok {
		return ""
	}
	return v.AsString()
}

// filled is a string that may not be empty.
func (r *reader) filled(name string) string {
	v, rng, ok := r.typed(name, cty.String, "a string")
	if !ok {
		return ""
	}
	if strings.TrimSpace(v.AsString()) == "" {
		r.l.Errorf(rng, "Empty text", "%s of %s is empty. Write a text or leave %s out.", name, r.what, name)
	}
	return v.AsString()
}

// flag is true or false, false if it is not there; ok is false if it is there
// and wrong.
func (r *reader) flag(name string) (yes, ok bool) {
	v, _, good := r.typed(name, cty.Bool, "true or false")
	return good && v.True(), good || !r.has(name)
}

// word is one of a few strings; the first is the default.
func (r *reader) word(name string, words ...string) string {
	v, rng, ok := r.typed(name, cty.String, value.OrList(words))
	if !ok {
		return words[0]
	}
	if !slices.Contains(words, v.AsString()) {
		r.l.Errorf(rng, "Unknown value", "%s must be %s, found %q. %s", name, value.OrList(words), value.Shorten(v.AsString()), suggestion(v.AsString(), words))
		return words[0]
	}
	return v.AsString()
}

func suggestion(written string, words []string) string {
	if s := value.Suggest(written, words); s != "" {
		return fmt.Sprintf("Did you mean %q?", s)
	}
	return "Write one of them."
}

// whole is a whole number in a range, byDefault if it is not there.
func (r *reader) whole(name string, low, high, byDefault int) int {
	v, rng, ok := r.typed(name, cty.Number, "a whole number")
	if !ok {
		return byDefault
	}
	if n, ok := value.WholeOf(v); ok && n >= low && n <= high {
		return n
	}
	r.l.Errorf(rng, "Number out of range", "%s must be a whole number from %d to %d, found %s.", name, low, high, v.AsBigFloat().Text('g', 12))
	return byDefault
}

// points is an exact amount, nil if it is not there or wrong.
func (r *reader) points(name string) *lead.Points {
	v, rng, ok := r.typed(name, cty.Number, "a number of points")
	if !ok {
		return nil
	}
	return r.l.Points(v, name, rng)
}

// duration is an amount of time in ms; ok is false if it is not there or wrong.
func (r *reader) duration(name, example string, low int64) (ms int64, ok bool) {
	v, rng, ok := r.typed(name, cty.String, fmt.Sprintf("a duration in quotes such as %q", example))
	if !ok {
		return 0, false
	}
	ms, err := value.ParseDuration(v.AsString())
	switch {
	case err != nil:
		r.l.DurationError(err, name, example, rng)
		return 0, false
	case ms < low:
		r.l.Errorf(rng, "Duration too short", "%s must be at least %s, found %s.", name, value.FormatDuration(low), v.AsString())
		return 0, false
	}
	return ms, true
}

// texts is a list of strings, none of them empty or there twice.
func (r *reader) texts(name string) []string {
	a := r.attr(name)
	if a == nil {
		return nil
	}
	items, ok := value.ListItems(a.Expr)
	if !ok {
		if v, good := r.l.Constant(a.Expr, name); good {
			r.l.Errorf(a.Expr.Range(), "Wrong type", "%s must be a list of strings such as [\"a\", \"b\"], found %s.", name, value.Found(v))
		}
		return nil
	}
	var out []string
	seen := map[string]bool{} // lists can be long
	for i, item := range items {
		what := fmt.Sprintf("%s[%d]", name, i)
		v, ok := r.l.Constant(item, what)
		switch {
		case !ok:
		case v.IsNull() || v.Type() != cty.String:
			r.wrong(item.Range(), what, "a string", v)
		case strings.TrimSpace(v.AsString()) == "":
			r.l.Errorf(item.Range(), "Empty text", "%s is empty. Write a text or remove it.", what)
		case seen[v.AsString()]:
			r.l.Errorf(item.Range(), "Listed twice", "%s holds %q twice. Remove one.", name, value.Shorten(v.AsString()))
		default:
			seen[v.AsString()] = true
			out = append(out, v.AsString())
		}
	}
	return out
}

// expr keeps an expression for the model.
func (r *reader) expr(name string) hcl.Expression {
	if a := r.attr(name); a != nil {
		return a.Expr
	}
	return nil
}

func byPlace(attrs hclsyntax.Attributes) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(attrs))
	for _, a := range attrs {
		out = append(out, a)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].NameRange.Start.Byte < out[j].NameRange.Start.Byte })
	return out
}
