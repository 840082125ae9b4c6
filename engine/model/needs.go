package model

import (
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// checkNeeds checks what plugins ask for, as far as it can be judged step by
// step. Its messages speak to the author of a plugin: a workflow's author
// cannot cause them.
func (b *builder) checkNeeds() {
	b.stepDefs()
	for _, w := range b.all() {
		n := w.needs
		if len(n.Inputs) > abi.MaxInputs || len(n.Rules) > abi.MaxRules {
			b.needf(w, 0, "%d inputs and %d rules, at most %d and %d", len(n.Inputs), len(n.Rules), abi.MaxInputs, abi.MaxRules)
			continue
		}
		for i := range n.Inputs {
			b.checkInput(w, i, &n.Inputs[i])
		}
		b.checkGates(w)
		b.checkRules(w)
		b.checkCounters(w)
		for i, names := range [][]string{n.Grades, n.Reasons, n.Flags} {
			if d, ok := duplicate(names); ok {
				b.needf(w, 0, "%s %q twice", [...]string{"grade", "reason", "flag"}[i], d)
			}
		}
		if len(n.Flags) > 64 {
			b.needf(w, 0, "%d flags, at most 64", len(n.Flags))
		}
		if n.AgeStep != 0 && n.AgeStep != b.def.AgeStep {
			b.errorf(w.def.Range, "Age steps differ", "Step %q counts ages in steps of %s, the workflow in steps of %s (age_step).",
				w.def.Name, workflow.FormatDuration(n.AgeStep), workflow.FormatDuration(b.def.AgeStep))
		}
		if len(n.Views) > 0 && w.info.Caps&abi.CapLedger == 0 {
			b.needf(w, 0, "views of the ledger without the capability \"ledger\"")
		}
	}
}

// needf reports a fault of a plugin. It is none if the plugin itself complained
// of its configuration: then what it asks for is a follow-up of that.
func (b *builder) needf(w *stepWork, node uint32, format string, args ...any) {
	if b.complained(w) {
		b.stop = true
		return
	}
	b.errorf(w.config.rangeOf(node), "Plugin asks for something impossible",
		"Plugin %q %s of step %q asks for "+format+"; this is a fault of the plugin.",
		append([]any{w.info.Manifest.Name, w.info.Manifest.Version, w.def.Name}, args...)...)
}

func duplicate(names []string) (string, bool) {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return sorted[i], true
		}
	}
	return "", false
}

func (b *builder) checkInput(w *stepWork, i int, in *abi.Input) {
	switch {
	case in.Kind < abi.InputBool || in.Kind > abi.InputLabel:
		b.needf(w, 0, "input %d of unknown kind %d", i, in.Kind)
	case in.Source < abi.FromEvent || in.Source > abi.FromEventID:
		b.needf(w, 0, "input %d from unknown source %d", i, in.Source)
	case in.Kind == abi.InputEnum && len(in.Literals) == 0:
		b.needf(w, 0, "input %d (%s) as an enum without literals", i, in.Name)
	case in.Source == abi.FromExpr && int(in.Expr) >= len(w.config.exprs):
		b.needf(w, 0, "expression %d, but its block has %d", in.Expr, len(w.config.exprs))
	case !fits(in.Kind, in.Source):
		b.needf(w, 0, "input %d (%s): source %d cannot be read as kind %d", i, in.Name, in.Source, in.Kind)
	}
}

// checkGates: a gate is an enum that is always there.
func (b *builder) checkGates(w *stepWork) {
	n := w.needs
	gated := make([]bool, len(n.Inputs))
	for _, g := range n.Gates {
		if int(g.Input) < len(gated) {
			gated[g.Input] = true
		}
	}
	for i, g := range n.Gates {
		switch {
		case int(g.Input) >= len(gated) || int(g.Of) >= len(gated):
			b.needf(w, 0, "gate %d of input %d by input %d, but it has %d inputs", i, g.Input, g.Of, len(gated))
		case gated[g.Of] || n.Inputs[g.Of].Kind != abi.InputEnum:
			b.needf(w, 0, "gate %d by input %d, which is no enum or has gates of its own", i, g.Of)
		case g.Literal == 0 || int(g.Literal) > len(n.Inputs[g.Of].Literals):
			b.needf(w, 0, "gate %d by literal %d of %d", i, g.Literal, len(n.Inputs[g.Of].Literals))
		}
	}
}

// fits says whether a source can be read as a kind.
func fits(kind abi.InputKind, source abi.Source) bool {
	text := kind == abi.InputEnum || kind == abi.InputString || kind == abi.InputKey || kind == abi.InputLabel
	switch source {
	case abi.FromEvent, abi.FromPath, abi.FromKind, abi.FromGrade:
		return text
	case abi.FromExpr:
		return kind != abi.InputTime
	case abi.FromCounter:
		return kind == abi.InputCount || kind == abi.InputNumber
	case abi.FromFlag:
		return kind == abi.InputBool
	case abi.FromLastActivity:
		return kind == abi.InputTime
	case abi.FromEventID:
		return kind == abi.InputKey
	}
	return true
}

func (b *builder) checkRules(w *stepWork) {
	var names []string
	for i := range w.needs.Rules {
		r := &w.needs.Rules[i]
		if r.Step != "" {
			continue
		}
		names = append(names, r.Name)
		switch {
		case r.Name == "":
			b.needf(w, r.Node, "rule %d without a name", i)
		case r.Scope > abi.ScopeOnce:
			b.needf(w, r.Node, "rule %q with unknown scope %d", r.Name, r.Scope)
		case !b.wholeSteps(r.Window):
			b.windowf(w, r.Node, r.Window)
		case r.Cap < 0 || r.ClassCap < 0 || r.Cap > int64(lead.MaxPoints) || r.ClassCap > int64(lead.MaxPoints):
			b.needf(w, r.Node, "rule %q with caps %d and %d milli-points", r.Name, r.Cap, r.ClassCap)
		}
	}
	if d, ok := duplicate(names); ok {
		b.needf(w, 0, "rule %q twice", d)
	}
}

// wholeSteps says that a window is a whole number of age steps.
func (b *builder) wholeSteps(window int64) bool {
	return window >= 0 && window%b.def.AgeStep == 0
}

func (b *builder) windowf(w *stepWork, node uint32, window int64) {
	b.errorf(w.config.rangeOf(node), "Window does not fit", "A window of %s is no multiple of the age step (%s).",
		workflow.FormatDuration(window), workflow.FormatDuration(b.def.AgeStep))
}

func (b *builder) checkCounters(w *stepWork) {
	var names []string
	for i := range w.needs.Counters {
		c := &w.needs.Counters[i]
		names = append(names, c.Name)
		switch {
		case c.Name == "":
			b.needf(w, c.Node, "counter %d without a name", i)
		case !b.wholeSteps(c.Window):
			b.windowf(w, c.Node, c.Window)
		case int(c.Where) > len(w.config.exprs):
			b.needf(w, c.Node, "expression %d, but its block has %d", c.Where-1, len(w.config.exprs))
		}
	}
	if d, ok := duplicate(names); ok {
		b.needf(w, 0, "counter %q twice", d)
	}
}
