package workflow

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // zones must mean the same on a machine without zone files

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// blockType is a block at the top of a workflow file.
type blockType struct {
	name    string
	labels  []string // what the labels are
	example string
	read    func(*loader, *hclsyntax.Block)
}

func blockTypes() []blockType {
	return []blockType{
		{"workflow", []string{"name"}, `workflow "letter-and-number" {`, (*loader).workflow},
		{"score", []string{"name"}, `score "total" {`, (*loader).score},
		{"table", []string{"name"}, `table "competitors" {`, (*loader).table},
		{"counter", []string{"name"}, `counter "visits" {`, (*loader).counter},
		{"step", []string{"plugin", "name"}, `step "behavior-points" "recent" {`, (*loader).step},
		{"suppress", []string{"name"}, `suppress "customers" {`, (*loader).suppress},
		{"veto", []string{"name"}, `veto "competitors" {`, (*loader).veto},
		{"route", []string{"action", "name"}, `route "sales-handoff" "warm" {`, (*loader).route},
		{"label", []string{"name"}, `label "hot" {`, (*loader).label},
		{"golden", []string{"name"}, `golden "ideal" {`, (*loader).golden},
		{"silence", []string{"lint"}, `silence "overlap" {`, (*loader).silence},
	}
}

// blocks reads one file.
func (l *loader) blocks(body *hclsyntax.Body) {
	types := blockTypes()
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.name
	}
	for _, a := range byPlace(body.Attributes) {
		l.Errorf(a.NameRange, "Unexpected attribute", "%s stands outside of any block. Attributes belong into a block, such as workflow \"name\" { … }.", a.Name)
	}
	for _, b := range body.Blocks {
		at := 0
		for at < len(types) && types[at].name != b.Type {
			at++
		}
		if at == len(types) {
			l.broken = true
			l.Errorf(b.TypeRange, "Unknown block", "There is no block %q. %s", b.Type, value.DidYouMean(b.Type, names))
			continue
		}
		if l.labels(b, types[at]) {
			types[at].read(l, b)
		} else {
			l.broken = true
		}
	}
}

// nameForm is what can be a name in an expression and a token of a subject.
var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// labels checks number and form of a block's labels.
func (l *loader) labels(b *hclsyntax.Block, t blockType) bool {
	if len(b.Labels) != len(t.labels) {
		l.Errorf(b.DefRange(), "Wrong number of labels", "%s has %d label(s), expected %d (%s), as in: %s", value.BlockTitle(b.Type, b.Labels), len(b.Labels), len(t.labels), strings.Join(t.labels, ", "), t.example)
		return false
	}
	ok := true
	for i, label := range b.Labels {
		if !nameForm.MatchString(label) {
			ok = false
			l.Errorf(b.LabelRanges[i], "Wrong name", "%q cannot be the %s of a %s: it needs a letter first, then letters, digits, \"-\" or \"_\", at most 64 in all.", value.Shorten(label), t.labels[i], b.Type)
		}
	}
	return ok
}

// unique reports a second declaration of one thing.
func (l *loader) unique(key, what string, rng hcl.Range, do string) bool {
	if old, ok := l.seen[key]; ok {
		l.Errorf(rng, "Declared twice", "%s is already declared at %s:%d. %s", what, old.Filename, old.Start.Line, do)
		return false
	}
	l.seen[key] = rng
	return true
}

// reservedNames are the first words of expressions that steps and scores,
// which are read by their bare names, would hide.
func reservedNames() []string {
	return []string{
		"trait", "account", "prop", "event", "context", "count", "lead", "grade",
		"pending", "idle", "peak", "episode", "stage", "age_days", "true", "false", "null",
	}
}

func (l *loader) notReserved(name, what string, rng hcl.Range) {
	for _, r := range reservedNames() {
		if r == name {
			l.Errorf(rng, "Reserved name", "A %s cannot be named %q, because that word has its own meaning in conditions. Choose another name, such as %q.", what, name, "my_"+name)
		}
	}
}

func (l *loader) workflow(b *hclsyntax.Block) {
	if !l.unique("workflow", "The workflow", b.DefRange(), "A folder holds one workflow: remove one of the blocks, or move it into a folder of its own.") {
		return
	}
	r := l.reader(b)
	l.def.Name, l.def.Range = b.Labels[0], b.DefRange()
	l.def.About = r.text("about")
	l.def.Display = r.expr("display")
	if w := r.filled("lead"); w != "" {
		l.def.LeadWord = w
	}
	l.zone(r)
	if ms, ok := r.duration("age_step", "24h", 60_000); ok {
		l.def.AgeStep = ms
	}
	if actions := r.texts("sales"); r.has("sales") {
		l.def.Sales, l.def.SalesRange = actions, r.at("sales")
	}
	l.def.MaxBuckets = r.whole("max_buckets", 1, 1_000_000, defaultBuckets)
	r.done()
}

func (l *loader) zone(r *reader) {
	v, rng, ok := r.typed("zone", cty.String, "a string such as \"Europe/Berlin\"")
	if !ok {
		return
	}
	// "" and "Local" mean the machine's own zone to LoadLocation: a score would
	// then depend on where it is computed.
	name := v.AsString()
	_, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		l.Errorf(rng, "Unknown time zone", "%q is no name of a time zone. Use a name of the IANA list, such as \"Europe/Berlin\" or \"UTC\".", value.Shorten(name))
		return
	}
	l.def.Zone = name
}

func (l *loader) counter(b *hclsyntax.Block) {
	r := l.reader(b)
	name := b.Labels[0]
	l.unique("counter "+name, fmt.Sprintf("The counter %q", name), b.DefRange(), "Give one of them another name.")
	c := Counter{
		Name: name, Events: r.texts("events"), Pages: r.texts("pages"),
		Where: r.expr("where"), Distinct: r.filled("distinct"), Range: b.DefRange(),
	}
	c.Window, _ = r.duration("window", "30d", 1)
	l.pathGlobs(r, "pages", c.Pages)
	if !r.has("events") && !r.has("pages") {
		l.Errorf(r.def, "Missing attribute", "%s counts nothing. Add events = [\"Page Viewed\"] or pages = [\"/blog/*\"].", r.what)
	}
	r.done()
	l.def.Counters = append(l.def.Counters, c)
}

// pathGlobs reports patterns that can match no path.
func (l *loader) pathGlobs(r *reader, name string, globs []string) {
	for _, g := range globs {
		if !strings.HasPrefix(g, "/") && !strings.HasPrefix(g, "*") {
			l.Errorf(r.at(name), "Wrong path", "%s holds %q, which matches no page: a path starts with \"/\". Write %q.", name, value.Shorten(g), "/"+value.Shorten(g))
		}
	}
}

func (l *loader) suppress(b *hclsyntax.Block) {
	l.def.Suppress = append(l.def.Suppress, l.guardBlock(b, l.reader(b)))
}

func (l *loader) veto(b *hclsyntax.Block) {
	r := l.reader(b)
	actions := r.texts("actions")
	g := l.guardBlock(b, r)
	g.Actions, g.ActionsRange = actions, r.at("actions")
	l.def.Vetoes = append(l.def.Vetoes, g)
}

func (l *loader) guardBlock(b *hclsyntax.Block, r *reader) Guard {
	l.unique(b.Type+" "+b.Labels[0], fmt.Sprintf("The %s %q", b.Type, b.Labels[0]), b.DefRange(), "Give one of them another name.")
	r.require("when", "the condition, such as when = trait.customer == true")
	g := Guard{Name: b.Labels[0], When: r.expr("when"), Say: r.expr("say"), Range: b.DefRange(), WhenRng: r.at("when")}
	r.done()
	return g
}

func (l *loader) label(b *hclsyntax.Block) {
	r := l.reader(b)
	name := b.Labels[0]
	l.unique("label "+name, fmt.Sprintf("The label %q", name), b.DefRange(), "Give one of them another name, or join their conditions with ||.")
	out := Label{Name: name, Range: b.DefRange()}
	out.Default, out.When = l.whenOrDefault(r)
	if out.Default {
		l.unique("default label", "A default label", b.DefRange(), "Only one label can be the default: give the other one a condition.")
	}
	out.WhenRng = r.at("when")
	r.done()
	l.def.Labels = append(l.def.Labels, out)
}

// whenOrDefault reads when = … or default = true, exactly one of them.
func (l *loader) whenOrDefault(r *reader) (byDefault bool, when hcl.Expression) {
	byDefault, ok := r.flag("default")
	when = r.expr("when")
	switch {
	case !ok:
		l.broken = true // it may be meant as the default
	case byDefault && when != nil:
		l.Errorf(r.at("when"), "Condition on a default", "%s is the default, which is taken when nothing else is, and so has no condition. Remove when or default.", r.what)
	case !byDefault && when == nil:
		l.Errorf(r.def, "Missing attribute", "%s has neither a condition nor default = true. Add when = … or default = true.", r.what)
	}
	return byDefault, when
}

func (l *loader) silence(b *hclsyntax.Block) {
	r := l.reader(b)
	s := Silence{Lint: b.Labels[0], Of: r.filled("of"), Because: r.filled("because"), Range: b.DefRange()}
	r.require("because", `the reason, such as because = "both routes are wanted"`)
	l.unique("silence "+s.Lint+" "+s.Of, value.BlockTitle("silence", []string{s.Lint}), b.DefRange(), "Remove one of them.")
	r.done()
	l.def.Silences = append(l.def.Silences, s)
}
