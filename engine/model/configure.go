package model

import (
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// maxSteps is how many steps a workflow has at most: the timers due are kept
// as one word of bits.
const maxSteps = 64

// stepWork is the work on one step.
type stepWork struct {
	def    *workflow.Step
	info   PluginInfo
	config *config
	blob   []byte
	needs  *abi.Needs
	spec   *step.Spec
	backup *stepWork // the plugin that answers when this one fails
	scope  *expr.Scope
	exprs  map[exprUse]*expr.Expr
}

// tables are the tables of a workflow by name.
type tables = map[string]*expr.Table

// frame sets up what does not depend on plugins.
func (b *builder) frame() {
	d := b.def
	b.book.AgeStep, b.book.MaxBuckets, b.book.MaxUses = d.AgeStep, d.MaxBuckets, 4*d.MaxBuckets
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		b.errorf(d.Range, "Unknown time zone", "%q is no time zone of the IANA list, such as \"Europe/Berlin\" or \"UTC\".", d.Zone)
	}
	b.book.Zone = zone
	if d.AgeStep <= 0 {
		b.errorf(d.Range, "Age step missing", "The age step must be longer than 0.")
	}
	b.tables = tables{}
	for i := range d.Tables {
		t := &d.Tables[i]
		b.tables[t.Name] = expr.NewTable(t.Name, t.Columns, t.Rows, t.Fold)
	}
	if len(d.Steps) > maxSteps {
		b.errorf(d.Steps[maxSteps].Range, "Too many steps", "A workflow has at most %d steps.", maxSteps)
	}
}

// configure asks every plugin what it needs.
func (b *builder) configure() {
	for i := range b.def.Steps {
		s := &b.def.Steps[i]
		w := b.ask(s, s.Plugin, s.PluginRange)
		if w == nil {
			continue
		}
		if s.OnError == "fallback" {
			if s.Fallback == "" {
				b.errorf(s.Range, "Fallback missing", "on_error = \"fallback\" needs the name of a second plugin: fallback = \"…\".")
				continue
			}
			w.backup = b.ask(s, s.Fallback, s.Range)
		}
		b.work = append(b.work, w)
	}
}

func (b *builder) ask(s *workflow.Step, name string, rng hcl.Range) *stepWork {
	plugin, ok := b.plugins[name]
	if !ok {
		names := make([]string, 0, len(b.plugins))
		for n := range b.plugins {
			names = append(names, n)
		}
		sort.Strings(names)
		b.errorf(place(rng, s.Range), "Unknown plugin", "There is no plugin %q.%s The plugins are: %s.", name, expr.Suggest(name, names), expr.OneOf(names))
		return nil
	}
	w := &stepWork{def: s, info: plugin.Info(), config: flatten(s.Config, s.Range), exprs: map[exprUse]*expr.Expr{}}
	w.blob = w.config.encode()
	needs, err := plugin.Configure(w.blob)
	if err != nil || needs == nil {
		b.errorf(s.Range, "Plugin refused its configuration", "Plugin %q of step %q: %v.", name, s.Name, err)
		return nil
	}
	w.needs = needs
	b.pluginDiags(w)
	return w
}

// place is rng if it is one, else a wider range.
func place(rng, wider hcl.Range) hcl.Range {
	if rng.Empty() {
		return wider
	}
	return rng
}

// pluginDiags shows what the plugin says of its configuration at the lines
// that it means. Named ones can be silenced like lints.
func (b *builder) pluginDiags(w *stepWork) {
	for _, d := range w.needs.Diags {
		severity := hcl.DiagError
		if d.Severity == abi.DiagWarning {
			severity = hcl.DiagWarning
		}
		rng := w.config.rangeOf(d.Node)
		diag := &hcl.Diagnostic{Severity: severity, Summary: shorten(d.Summary, 200), Detail: shorten(d.Detail, 2000), Subject: &rng}
		if d.Name == "" {
			b.diags = append(b.diags, diag)
			continue
		}
		b.found = append(b.found, lint.Finding{Lint: d.Name, Of: w.of(d.Node), Diag: diag})
	}
}

// shorten cuts what a plugin says at a number of bytes, and replaces what would
// move the cursor of a terminal.
func shorten(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// complained says that a plugin reported a mistake that nobody silenced.
func (b *builder) complained(w *stepWork) bool {
	for _, d := range w.needs.Diags {
		of := w.of(d.Node)
		if d.Severity != abi.DiagWarning && !slices.ContainsFunc(b.def.Silences, func(s workflow.Silence) bool {
			return s.Lint == d.Name && (s.Of == "" || s.Of == of)
		}) {
			return true
		}
	}
	return false
}

// of names a place in a step for silences: the step, and the label of the
// innermost labelled block around the node.
func (w *stepWork) of(node uint32) string {
	for at := node; at != 0 && int(at) < len(w.config.nodes); at = w.config.nodes[at].Parent {
		for kid := w.config.nodes[at].Child; kid != 0; kid = w.config.nodes[kid].Next {
			if k := &w.config.nodes[kid]; k.Key == "label" && k.Kind == abi.NodeString {
				return w.def.Name + "/" + k.Text
			}
		}
	}
	return w.def.Name
}

// all are the steps with their fallbacks, in order.
func (b *builder) all() (list []*stepWork) {
	for _, w := range b.work {
		list = append(list, w)
		if w.backup != nil {
			list = append(list, w.backup)
		}
	}
	return list
}

// stepDefs enters the steps into the book, with what they say of a lead.
func (b *builder) stepDefs() {
	for _, w := range b.work {
		b.book.Steps = append(b.book.Steps, ledger.StepDef{
			ID: ledger.Hash("step", w.def.Name, w.info.Manifest.Name), Name: w.def.Name, StateVersion: w.info.StateVersion, Grades: w.needs.Grades, Reasons: w.needs.Reasons, Flags: w.needs.Flags,
		})
		if o := w.backup; o != nil && !(slices.Equal(o.needs.Grades, w.needs.Grades) && slices.Equal(o.needs.Reasons, w.needs.Reasons) && slices.Equal(o.needs.Flags, w.needs.Flags)) {
			b.errorf(w.def.Range, "Fallback does not fit", "The fallback %q must have the grades, reasons and flags of %q, or routes would read something else.", w.def.Fallback, w.def.Plugin)
		}
	}
}
