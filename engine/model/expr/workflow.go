package expr

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// workflowName resolves names that the workflow itself declares: scores with
// their classes, steps with their grade, reason and flags.
func (c *compiler) workflowName(root string, rest []string, rng hcl.Range) *node {
	score, step := c.scoreIndex(root), c.stepIndex(root)
	if score < 0 && step < 0 {
		names := c.names()
		return c.errorf(rng, "Unknown name", "There is no %q here.%s Traits are read as trait.%s, properties as prop.%s.", root, Suggest(root, names), root, root)
	}
	if step >= 0 && len(rest) == 1 && (score < 0 || !c.isClass(score, rest[0]) || slices.Contains(c.scope.Book.Steps[step].Flags, rest[0])) {
		// A flag hides the class of its name: what a stop block takes lies in such a class.
		if n := c.stepPart(step, rest[0], rng); n != nil {
			return n
		}
	}
	if score < 0 {
		return c.noPart(root, rest, c.stepParts(step), rng)
	}
	if !c.allowed(AllowScores, "the score "+root, rng) {
		return nil
	}
	switch {
	case len(rest) == 0:
		return c.scoreNode(score, rng)
	case len(rest) == 1 && rest[0] == "top" && len(c.classes(score)) > 0:
		return c.topNode(score, rng)
	}
	if n := c.classNode(score, rest, rng); n != nil {
		return n
	}
	parts := c.classNames(score)
	if len(parts) > 0 {
		parts = append(parts, "top")
	}
	if step >= 0 {
		parts = append(parts, c.stepParts(step)...)
	}
	return c.noPart(root, rest, parts, rng)
}

func (c *compiler) noPart(root string, rest, parts []string, rng hcl.Range) *node {
	if len(rest) == 0 {
		return c.errorf(rng, "Not a value", "%q is a step that gives no score; its parts are %s.", root, OneOf(parts))
	}
	name := strings.Join(rest, ".")
	return c.errorf(rng, "Unknown part", "%q has no %q.%s It has %s.", root, name, Suggest(name, parts), OneOf(parts))
}

func (c *compiler) scoreIndex(name string) int {
	return slices.IndexFunc(c.scope.Book.Scores, func(s ledger.Score) bool { return s.Name == name })
}

func (c *compiler) stepIndex(name string) int {
	return slices.IndexFunc(c.scope.visible(), func(s ledger.StepDef) bool { return s.Name == name })
}

func (s *Scope) visible() []ledger.StepDef { return s.Book.Steps[:min(s.Steps, len(s.Book.Steps))] }

func (c *compiler) names() []string {
	names := sortedKeys(reserved)
	names = append(names, sortedKeys(c.scope.Lets)...)
	for i := range c.scope.Book.Scores {
		names = append(names, c.scope.Book.Scores[i].Name)
	}
	for _, s := range c.scope.visible() {
		names = append(names, s.Name)
	}
	return names
}

func (c *compiler) scoreNode(score int, rng hcl.Range) *node {
	c.reads.Scores = append(c.reads.Scores, score)
	n := pointsNode(rng, c.scope.Book.Scores[score].Name, func(f *ledger.Frame) (int64, bool) {
		if score >= len(f.Values) {
			return 0, false
		}
		return int64(f.Values[score]), true
	})
	n.score = score + 1
	return n
}

// classes are the indexes of the classes that a rule of the score is in.
func (c *compiler) classes(score int) (list []int) {
	for i := range c.scope.Book.Rules {
		r := &c.scope.Book.Rules[i]
		if r.Score == score && r.Class >= 0 && !slices.Contains(list, r.Class) {
			list = append(list, r.Class)
		}
	}
	return list
}

func (c *compiler) classNames(score int) (names []string) {
	for _, class := range c.classes(score) {
		names = append(names, c.scope.Book.Classes[class].Name)
	}
	return names
}

func (c *compiler) isClass(score int, name string) bool {
	return slices.Contains(c.classNames(score), name)
}

func (c *compiler) topNode(score int, rng hcl.Range) *node {
	classes := c.classes(score)
	c.reads.Classes = append(c.reads.Classes, classes...)
	labels := make([]string, len(c.scope.Book.Classes))
	for i := range labels {
		labels[i] = c.scope.Book.Classes[i].Name
	}
	return enumNode(rng, c.scope.Book.Scores[score].Name+".top", &enum{
		what: "top class of " + c.scope.Book.Scores[score].Name, labels: labels,
		at: func(f *ledger.Frame) int { return 1 + f.Acct.TopClass(f.Book, score) },
	})
}

// classNode is what remains of a class, or the label of its last event. Steps
// that use one class name for one score are summed up.
func (c *compiler) classNode(score int, rest []string, rng hcl.Range) *node {
	if len(rest) > 2 || (len(rest) == 2 && rest[1] != "last") {
		return nil
	}
	var classes []int
	for _, class := range c.classes(score) {
		if c.scope.Book.Classes[class].Name == rest[0] {
			classes = append(classes, class)
		}
	}
	if len(classes) == 0 {
		return nil
	}
	c.reads.Classes = append(c.reads.Classes, classes...)
	key := c.scope.Book.Scores[score].Name + "." + strings.Join(rest, ".")
	if len(rest) == 2 {
		return stringNode(rng, key, func(f *ledger.Frame) (string, bool) {
			for _, class := range classes {
				if _, last := f.Acct.ClassTotal(f.Book, class); last != "" {
					return last, true
				}
			}
			return "", false
		})
	}
	return pointsNode(rng, key, func(f *ledger.Frame) (int64, bool) {
		var sum lead.Points
		for _, class := range classes {
			part, _ := f.Acct.ClassTotal(f.Book, class)
			sum += part
		}
		return int64(sum), true
	})
}

func (c *compiler) stepParts(step int) []string {
	def := &c.scope.Book.Steps[step]
	parts := slices.Clone(def.Flags)
	if len(def.Grades) > 0 {
		parts = append(parts, "grade")
	}
	if len(def.Reasons) > 0 {
		parts = append(parts, "reason")
	}
	return parts
}

// stepPart is the grade, the reason or a flag of a step; nil if it has no such
// part. Before the step has run for a lead, they are unknown.
func (c *compiler) stepPart(step int, part string, rng hcl.Range) *node {
	def := &c.scope.Book.Steps[step]
	key := def.Name + "." + part
	switch bit := slices.Index(def.Flags, part); {
	case bit >= 0:
		c.reads.Steps = append(c.reads.Steps, step)
		return boolNode(rng, opaque(key), func(f *ledger.Frame) lead.Tri {
			m := &f.Acct.Steps[step]
			if !m.Ran {
				return lead.Unknown
			}
			return lead.TriOf(m.Out>>bit&1 != 0)
		})
	case part == "grade" && len(def.Grades) > 0:
		return c.gradeNode(step, key, rng)
	case part == "reason" && len(def.Reasons) > 0:
		c.reads.Steps = append(c.reads.Steps, step)
		return enumNode(rng, key, &enum{what: "reason of step " + def.Name, labels: def.Reasons,
			at: func(f *ledger.Frame) int { return int(f.Acct.Steps[step].Reason) }})
	}
	return nil
}

func (c *compiler) gradeNode(step int, key string, rng hcl.Range) *node {
	c.reads.Steps = append(c.reads.Steps, step)
	def := &c.scope.Book.Steps[step]
	return enumNode(rng, key, &enum{what: "grade of step " + def.Name, labels: def.Grades,
		at: func(f *ledger.Frame) int { return int(f.Acct.Steps[step].Grade) }})
}

// onlyGrade is the grade of the only (else the first) step that grades.
func (c *compiler) onlyGrade(rest []string, rng hcl.Range) *node {
	if len(rest) > 0 {
		return c.errorf(rng, "No such part", "grade has no parts; the grade of another step is read as step.grade.")
	}
	for i, s := range c.scope.visible() {
		if len(s.Grades) > 0 {
			return c.gradeNode(i, s.Name+".grade", rng)
		}
	}
	return c.errorf(rng, "There is no grade", "No earlier step of this workflow gives a grade.")
}
