package expr

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// function is one function of the language.
type function struct {
	usage    string
	min, max int   // arguments; max -1 = any number
	need     Allow // what the place must allow
	make     func(*call) *node
}

// call is one use of a function. Arguments are compiled by the functions that
// want values; others read them as names or written texts.
type call struct {
	c    *compiler
	name string
	args []hclsyntax.Expression
	rng  hcl.Range
}

// functions answers the table of functions. It is built per call of a
// function in a source, never per event.
func functions() map[string]function {
	return map[string]function{
		"like":     {`like(x, "glob*", …)`, 2, -1, 0, like},
		"oneof":    {`oneof(x, a, b, …)`, 2, -1, 0, oneOf},
		"listed":   {`listed("table", x)`, 2, 2, 0, listed},
		"lookup":   {`lookup("table", x, "column")`, 3, 3, 0, lookup},
		"between":  {`between(x, low, high)`, 3, 3, 0, between},
		"unknown":  {`unknown(x)`, 1, 1, 0, unknown},
		"known":    {`known(x)`, 1, 1, 0, known},
		"coalesce": {`coalesce(x, instead)`, 2, -1, 0, coalesce},
		"contains": {`contains(x, "part")`, 2, 2, 0, contains},
		"starts":   {`starts(x, "part")`, 2, 2, 0, starts},
		"ends":     {`ends(x, "part")`, 2, 2, 0, ends},
		"lower":    {`lower(x)`, 1, 1, 0, lower},
		"min":      {`min(a, b, …)`, 1, -1, 0, least},
		"max":      {`max(a, b, …)`, 1, -1, 0, greatest},
		"abs":      {`abs(x)`, 1, 1, 0, abs},
		"points":   {`points(number)`, 1, 1, 0, toPoints},
		"ratio":    {`ratio(a, b)`, 2, 2, 0, ratio},
		"hour":     {`hour()`, 0, 0, AllowEvent, hour},
		"weekday":  {`weekday()`, 0, 0, AllowEvent, weekday},
		"pending":  {`pending("class") or pending("step/class")`, 1, 1, AllowMarks, pending},
		"idle":     {`idle("60d")`, 1, 1, AllowMarks, idle},
		"peak":     {`peak(score, "120d")`, 2, 2, AllowMarks, peak},
		"episode":  {`episode("action")`, 1, 1, AllowMarks, episode},
		"stage":    {`stage("accepted")`, 1, 1, AllowMarks, stage},
		"age_days": {`age_days()`, 0, 0, AllowMarks, ageDays},
	}
}

func (c *compiler) call(e *hclsyntax.FunctionCallExpr) *node {
	all := functions()
	fn, ok := all[e.Name]
	if !ok {
		return c.errorf(e.NameRange, "Unknown function", "There is no function %q.%s", e.Name, Suggest(e.Name, sortedKeys(all)))
	}
	if e.ExpandFinal {
		return c.errorf(e.Range(), "Unsupported arguments", "Arguments are written out: %s.", fn.usage)
	}
	if len(e.Args) < fn.min || (fn.max >= 0 && len(e.Args) > fn.max) {
		return c.errorf(e.Range(), "Wrong number of arguments", "%d given; it is %s.", len(e.Args), fn.usage)
	}
	if fn.need != 0 && !c.allowed(fn.need, e.Name+"()", e.NameRange) {
		return nil
	}
	return fn.make(&call{c: c, name: e.Name, args: e.Args, rng: e.Range()})
}

// value compiles argument i.
func (k *call) value(i int) *node { return k.c.walk(k.args[i]) }

// values compiles the arguments from i on, nil if one has a mistake.
func (k *call) values(i int) []*node {
	list, bad := make([]*node, 0, len(k.args)), false
	for _, a := range k.args[i:] {
		n := k.c.walk(a)
		list, bad = append(list, n), bad || n == nil
	}
	if bad {
		return nil
	}
	return list
}

// literal is argument i, which must be a written text.
func (k *call) literal(i int, what string) (string, bool) {
	n := k.value(i)
	if n == nil {
		return "", false
	}
	text, ok := n.text()
	if !ok {
		k.errorf(n.rng, "Not a written text", "The %s must be written out as a text.", what)
	}
	return text, ok
}

func (k *call) errorf(rng hcl.Range, summary, format string, args ...any) *node {
	return k.c.errorf(rng, summary, format, args...)
}

func (k *call) key(args ...*node) string {
	keys := make([]string, len(args))
	for i, a := range args {
		keys[i] = a.key
	}
	return fmt.Sprintf("%s(%s)", k.name, strings.Join(keys, ", "))
}
