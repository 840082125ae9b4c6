package workflow

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// scorePart is what one block says about a score: a score block and a step may
// both speak of one.
type scorePart struct {
	Score
	at map[string]hcl.Range // where each attribute was set
}

func scoreAttrs() []string { return []string{"about", "floor", "cap", "scale", "mode", "raw_max"} }

func (l *loader) score(b *hclsyntax.Block) {
	r := l.reader(b)
	name := b.Labels[0]
	l.notReserved(name, "score", b.LabelRanges[0])
	value := r.expr("value")
	part := l.scorePart(r, name)
	part.Declared, part.Value, part.Range, part.NameRange = true, value, b.DefRange(), b.LabelRanges[0]
	if value != nil && r.has("cap") {
		l.Errorf(r.at("cap"), "Cap on a derived score", "%s is computed from other scores, and a cap limits awards. Cap the scores it is made of, or declare a scale.", r.what)
	}
	r.done()
	if l.unique("score "+name, fmt.Sprintf("The score %q", name), b.DefRange(), "Remove one of the two, or give it another name.") {
		l.scores = append(l.scores, part)
	}
}

// scorePart reads the attributes that a score block and a step share.
func (l *loader) scorePart(r *reader, name string) scorePart {
	p := scorePart{at: map[string]hcl.Range{}}
	p.Name, p.About, p.Floor, p.Cap = name, r.text("about"), r.points("floor"), r.points("cap")
	if p.Cap != nil && *p.Cap <= 0 {
		l.Errorf(r.at("cap"), "Cap out of range", "cap is the most that %s can award and must be more than 0, found %s.", r.what, *p.Cap)
		p.Cap = nil
	}
	p.Scale = l.scale(r)
	for _, a := range scoreAttrs() {
		if r.has(a) {
			p.at[a] = r.at(a)
		}
	}
	return p
}

// scale reads scale = [min, max], mode and raw_max.
func (l *loader) scale(r *reader) *Scale {
	a := r.attr("scale")
	mode := r.word("mode", "clamp", "normalise")
	rawMax := r.points("raw_max")
	if a == nil {
		for _, name := range []string{"mode", "raw_max"} {
			if r.has(name) {
				l.Errorf(r.at(name), "Missing scale", "%s says how a score is brought to its scale, and %s has none. Add scale = [0, 100] or remove %s.", name, r.what, name)
			}
		}
		return nil
	}
	s := &Scale{Normalise: mode == "normalise", Range: a.Expr.Range()}
	switch {
	case s.Normalise && !r.has("raw_max"):
		l.Errorf(r.at("mode"), "Missing attribute", "mode = \"normalise\" needs the raw points that mean the top of the scale. Add raw_max, such as raw_max = 250.")
	case s.Normalise && rawMax != nil && *rawMax <= 0:
		l.Errorf(r.at("raw_max"), "Points out of range", "raw_max must be more than 0, found %s.", *rawMax)
	case !s.Normalise && r.has("raw_max"):
		l.Errorf(r.at("raw_max"), "Missing mode", "raw_max is used by mode = \"normalise\" only. Add that, or remove raw_max.")
	}
	if rawMax != nil {
		s.RawMax = *rawMax
	}
	if !l.scaleEnds(a, s) {
		return nil
	}
	return s
}

func (l *loader) scaleEnds(a *hclsyntax.Attribute, s *Scale) bool {
	items, ok := value.ListItems(a.Expr)
	if !ok || len(items) != 2 {
		l.Errorf(a.Expr.Range(), "Wrong scale", "scale must be a list of two numbers, the lowest and the highest value, such as scale = [0, 100].")
		return false
	}
	var ends [2]lead.Points
	for i, item := range items {
		v, ok := l.Constant(item, "scale")
		if !ok {
			return false
		}
		p := l.Points(v, fmt.Sprintf("scale[%d]", i), item.Range())
		if p == nil {
			return false
		}
		ends[i] = *p
	}
	if s.Min, s.Max = ends[0], ends[1]; s.Min >= s.Max {
		l.Errorf(a.Expr.Range(), "Wrong scale", "scale must grow: its lowest value %s is not less than its highest value %s. Write the lower one first.", s.Min, s.Max)
		return false
	}
	return true
}

// mergeScores joins what score blocks and steps say about one score.
func (l *loader) mergeScores() {
	index := map[string]int{}
	at := map[string]map[string]hcl.Range{}
	for _, part := range l.scores {
		i, ok := index[part.Name]
		if !ok {
			index[part.Name], at[part.Name] = len(l.def.Scores), part.at
			l.def.Scores = append(l.def.Scores, part.Score)
			continue
		}
		l.clash(part, at[part.Name])
		l.def.Scores[i].merge(part.Score)
		if s := l.def.Scores[i]; s.Value != nil {
			l.Errorf(s.Value.Range(), "Derived score of a step", "The score %q is that of the step of the same name, which awards points to it; it cannot be computed too. Give the derived score another name.", s.Name)
		}
	}
}

func (l *loader) clash(part scorePart, at map[string]hcl.Range) {
	for _, a := range scoreAttrs() {
		rng, ok := part.at[a]
		if !ok {
			continue
		}
		if old, twice := at[a]; twice {
			l.Errorf(rng, "Declared twice", "%s of the score %q is already set at %s:%d. Keep it in one place.", a, part.Name, old.Filename, old.Start.Line)
			continue
		}
		at[a] = rng
	}
}

func (s *Score) merge(o Score) {
	if s.About == "" {
		s.About = o.About
	}
	if s.Floor == nil {
		s.Floor = o.Floor
	}
	if s.Cap == nil {
		s.Cap = o.Cap
	}
	if s.Scale == nil {
		s.Scale = o.Scale
	}
	if o.Declared {
		s.Declared, s.Value, s.Range, s.NameRange = true, o.Value, o.Range, o.NameRange
	}
}
