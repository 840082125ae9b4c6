package workflow

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// hostAttrs are the attributes of a step block that the host reads; all
// others are the plugin's.
func hostAttrs() []string {
	return append(scoreAttrs(), "on_error", "fallback", "breaker")
}

func (l *loader) step(b *hclsyntax.Block) {
	r := l.reader(b)
	plugin, name := b.Labels[0], b.Labels[1]
	l.notReserved(name, "step", b.LabelRanges[1])
	if !l.unique("step "+name, fmt.Sprintf("The step %q", name), b.DefRange(), "Steps are read by their names: give one of them another name.") {
		return
	}
	part := l.scorePart(r, name)
	part.Range, part.NameRange = b.DefRange(), b.LabelRanges[1]
	l.scores = append(l.scores, part)
	s := Step{Plugin: plugin, Name: name, Range: b.DefRange(), NameRange: b.LabelRanges[1], PluginRange: b.LabelRanges[0]}
	l.failurePolicy(r, &s)
	if schema, ok := l.schema(plugin); ok {
		s.Config = schema.Decode(b, &l.Report)
	} else {
		l.Errorf(b.LabelRanges[0], "Unknown plugin", "There is no plugin %q. %s", value.Shorten(plugin), value.DidYouMean(plugin, l.opts.Plugins))
	}
	l.def.Steps = append(l.def.Steps, s)
}

func (l *loader) schema(plugin string) (*Schema, bool) {
	if l.opts.Schema == nil {
		return nil, false
	}
	s, ok := l.opts.Schema(plugin)
	return s, ok && s != nil
}

// failurePolicy reads on_error, fallback and breaker.
func (l *loader) failurePolicy(r *reader, s *Step) {
	s.OnError = r.word("on_error", "reject", "skip", "hold", "fallback")
	s.Fallback = r.filled("fallback")
	s.Breaker = r.whole("breaker", 0, 1_000_000, 0)
	switch {
	case s.OnError == "fallback" && !r.has("fallback"):
		l.Errorf(r.at("on_error"), "Missing attribute", "on_error = \"fallback\" needs the plugin that takes over. Add fallback = \"plugin\".")
	case s.OnError != "fallback" && r.has("fallback"):
		l.Errorf(r.at("fallback"), "Fallback not used", "fallback is used only with on_error = \"fallback\". Add that, or remove fallback.")
	case s.Fallback == s.Plugin:
		l.Errorf(r.at("fallback"), "Fallback to itself", "The fallback of a step must be another plugin than %q itself.", s.Plugin)
	case s.Fallback != "":
		if _, ok := l.schema(s.Fallback); !ok {
			l.Errorf(r.at("fallback"), "Unknown plugin", "There is no plugin %q. %s", value.Shorten(s.Fallback), value.DidYouMean(s.Fallback, l.opts.Plugins))
		}
	}
}
