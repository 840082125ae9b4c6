package schema

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// validate runs the schema over the decoded block and reports each mistake at
// the place that holds it.
func (d *decoder) validate(root *Node, s *Schema) {
	err := s.compiled.Validate(instance(root))
	var ve *jsonschema.ValidationError
	if errors.As(err, &ve) {
		d.index = d.indexOf(root)
		d.explain(ve, root, s)
	} else if err != nil {
		d.Errorf(root.Range, "Cannot check this block", "The schema of the plugin %q failed: %v.", s.name, err)
	}
}

// explain walks down to the errors that have no further causes.
func (d *decoder) explain(ve *jsonschema.ValidationError, root *Node, s *Schema) {
	if k, ok := ve.ErrorKind.(*kind.PropertyNames); ok {
		d.explainName(ve, k.Property, root)
		return
	}
	p, spoiled := d.locate(root, ve.InstanceLocation)
	if spoiled {
		return
	}
	switch ve.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		d.explainChoice(ve, p, root, s)
		return
	}
	if len(ve.Causes) == 0 {
		d.leaf(ve, p)
		return
	}
	for _, c := range ve.Causes {
		d.explain(c, root, s)
	}
}

// explainName reports a key that propertyNames refuses. jsonschema v6.0.3
// shares the location of these errors with later siblings, so the place is
// found by its schema: the first object of that shape with that key which has
// not been reported.
func (d *decoder) explainName(ve *jsonschema.ValidationError, key string, root *Node) {
	at := strings.TrimSuffix(pointerOf(ve), "/propertyNames")
	left := d.index.keys[shapeKey{at, key}]
	if len(left) == 0 {
		d.Errorf(root.Range, "Wrong name", "%q cannot be a name here%s.", value.Shorten(key), nameReason(ve.Causes))
		return
	}
	d.index.keys[shapeKey{at, key}] = left[1:]
	d.report(left[0].node.KeyRange, left[0].parent, fmt.Sprintf("%q cannot be a name in %s%s.", value.Shorten(key), left[0].parent.name(), nameReason(ve.Causes)))
}

func nameReason(causes []*jsonschema.ValidationError) string {
	for _, c := range causes {
		switch k := c.ErrorKind.(type) {
		case *kind.Pattern:
			return fmt.Sprintf(": it does not have the form %s", k.Want)
		case *kind.Enum:
			return ": expected " + wantList(k.Want)
		}
		if reason := nameReason(c.Causes); reason != "" {
			return reason
		}
	}
	return ""
}

// explainChoice reports the mistakes of the alternative that was meant, or
// what all of them want.
func (d *decoder) explainChoice(ve *jsonschema.ValidationError, p place, root *Node, s *Schema) {
	meant := d.shapes[p.node]
	for _, c := range ve.Causes {
		if meant != nil && meant.mark == markNone && len(meant.alts) == 0 && len(meant.enum) == 0 && sameShape(c, meant, s) && !wrongType(c, len(ve.InstanceLocation)) {
			d.explain(c, root, s)
			return
		}
	}
	d.report(p.node.Range, p, fmt.Sprintf("%s must be %s, found %s.%s", p.name(), s.shapes[pointerOf(ve)].wanted(), p.node.Found(), hint(d.shapes[p.node])))
}

// sameShape says whether an error comes from the schema at a shape.
func sameShape(ve *jsonschema.ValidationError, sh *shape, s *Schema) bool {
	at := pointerOf(ve)
	if got := s.shapes[at]; got == sh {
		return true
	}
	return strings.HasPrefix(at, sh.at+"/")
}

// pointerOf is the JSON pointer of the schema that found the error.
func pointerOf(ve *jsonschema.ValidationError) string {
	_, at, _ := strings.Cut(ve.SchemaURL, "#")
	return at
}

// wrongType says whether an alternative failed on the type of the value itself.
func wrongType(ve *jsonschema.ValidationError, depth int) bool {
	if _, ok := ve.ErrorKind.(*kind.Type); ok && len(ve.InstanceLocation) == depth {
		return true
	}
	for _, c := range ve.Causes {
		if wrongType(c, depth) {
			return true
		}
	}
	return false
}

// leaf explains one error.
func (d *decoder) leaf(ve *jsonschema.ValidationError, p place) {
	sh := d.shapes[p.node]
	switch k := ve.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			if name != exprMember && name != durationMember {
				d.report(p.node.Range, p, d.missing(p, name, sh))
				continue
			}
			d.report(p.node.Range, p, fmt.Sprintf("%s must be %s, found %s.", p.name(), sh.wanted(), p.node.Found()))
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			d.report(d.keyRange(p, name), p, fmt.Sprintf("%s has no attribute %q. Remove it.", p.title(d), name))
		}
	case *kind.UniqueItems:
		d.report(p.element(k.Duplicates[1]), p, fmt.Sprintf("%s holds one thing twice, at [%d] and at [%d]. Remove one.", p.name(), k.Duplicates[0], k.Duplicates[1]))
	case *kind.Type:
		d.report(p.node.Range, p, fmt.Sprintf("%s must be %s, found %s.%s", p.name(), sh.wantedOr(k.Want), p.node.Found(), hint(sh)))
	default:
		d.report(p.node.Range, p, fmt.Sprintf("%s %s.%s", p.name(), requirement(ve.ErrorKind, p.node), hint(sh)))
	}
}

// requirement is the rest of the sentence "x must …".
func requirement(k jsonschema.ErrorKind, n *Node) string {
	got := ", found " + n.Found()
	switch k := k.(type) {
	case *kind.Enum:
		s := "must be " + wantList(k.Want) + got
		if near := value.Suggest(n.Text, texts(k.Want)); n.Kind == NodeString && near != "" {
			s += fmt.Sprintf(" (did you mean %q?)", near)
		}
		return s
	case *kind.Const:
		return "must be " + wantList([]any{k.Want}) + got
	case *kind.Minimum:
		return "must be at least " + decimal(k.Want) + got
	case *kind.Maximum:
		return "must be at most " + decimal(k.Want) + got
	case *kind.ExclusiveMinimum:
		return "must be more than " + decimal(k.Want) + got
	case *kind.ExclusiveMaximum:
		return "must be less than " + decimal(k.Want) + got
	case *kind.MultipleOf:
		return "must be a multiple of " + decimal(k.Want) + got
	case *kind.Pattern:
		return fmt.Sprintf("must have the form %s%s", k.Want, got)
	case *kind.Format:
		return fmt.Sprintf("must be a valid %s%s", k.Want, got)
	}
	return sizeRequirement(k)
}

func sizeRequirement(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinItems:
		return fmt.Sprintf("needs at least %s, found %d", plural(k.Want, "entry", "entries"), k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("takes at most %s, found %d", plural(k.Want, "entry", "entries"), k.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("needs at least %s, found %d", plural(k.Want, "attribute", "attributes"), k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("takes at most %s, found %d", plural(k.Want, "attribute", "attributes"), k.Got)
	case *kind.MinLength:
		if k.Got == 0 {
			return "must not be empty"
		}
		return fmt.Sprintf("needs at least %s, found %d", plural(k.Want, "character", "characters"), k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("takes at most %s, found %d", plural(k.Want, "character", "characters"), k.Got)
	case *kind.DependentRequired:
		return fmt.Sprintf("has %s, which also needs %s", k.Prop, strings.Join(k.Missing, ", "))
	case *kind.FalseSchema, *kind.Not:
		return "is not allowed here"
	}
	return "is not valid: " + k.LocalizedString(message.NewPrinter(language.English))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func decimal(r *big.Rat) string {
	s := r.FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// missing says which attribute, block or label a place lacks.
func (d *decoder) missing(p place, name string, sh *shape) string {
	title := p.title(d)
	var sub *shape
	if sh != nil {
		sub = sh.props[name]
	}
	switch {
	case name == "label" && d.titles[p.node] != "":
		return fmt.Sprintf("%s needs a label: write %s \"name\" {", title, d.titles[p.node])
	case rowsOfBlocks(sub):
		return fmt.Sprintf("%s needs at least one block %s { … }.%s", title, blockExample(name, sub), hint(sub))
	}
	return fmt.Sprintf("%s needs %s = %s.%s", title, name, sub.wanted(), hint(sub))
}

func (d *decoder) report(rng hcl.Range, p place, detail string) {
	d.Errorf(rng, "Wrong setting of "+p.block, "%s", detail)
}

// hint is the plugin author's description of an attribute.
func hint(s *shape) string {
	if s == nil || s.description == "" {
		return ""
	}
	return " Meaning: " + strings.TrimSuffix(s.description, ".") + "."
}

// wanted describes a shape for people.
func (s *shape) wanted() string {
	if s == nil {
		return "a value"
	}
	return s.wantedOr(s.types)
}

func (s *shape) wantedOr(types []string) string {
	if s != nil {
		switch {
		case s.mark == markExpression:
			return "a condition or a value computed from the lead"
		case s.mark == markPoints:
			return "a number of points"
		case s.mark == markDuration:
			return `a duration in quotes such as "30d"`
		case len(s.alts) > 0:
			var all []string
			for _, alt := range s.alts {
				if len(alt.alts) > 0 { // may lead back here
					continue
				}
				if w := alt.wanted(); !slices.Contains(all, w) {
					all = append(all, w)
				}
			}
			return value.JoinOr(all)
		case len(s.enum) > 0:
			return wantList(s.enum)
		case len(types) == 0 && isObject(s):
			types = []string{"object"}
		}
	}
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = typeWord(t)
	}
	if len(words) == 0 {
		return "a value"
	}
	return value.JoinOr(words)
}

func typeWord(t string) string {
	switch t {
	case "object":
		return "an object { … }"
	case "array":
		return "a list [ … ]"
	case "boolean":
		return "true or false"
	case "integer":
		return "a whole number"
	case "null":
		return "null"
	}
	return "a " + t
}

func wantList(want []any) string {
	words := make([]string, len(want))
	for i, w := range want {
		words[i] = fmt.Sprint(w)
		if s, ok := w.(string); ok {
			words[i] = strconv.Quote(s)
		}
	}
	return value.JoinOr(words)
}
