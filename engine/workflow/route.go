package workflow

import (
	"fmt"
	"sort"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func (l *loader) route(b *hclsyntax.Block) {
	r := l.reader(b)
	action, name := b.Labels[0], b.Labels[1]
	l.unique("route "+action+"/"+name, fmt.Sprintf("The route %q of the action %q", name, action), b.DefRange(), "Give one of them another name, or join their conditions with ||.")
	out := Route{Action: action, Name: name, Range: b.DefRange()}
	out.Default, out.When = l.whenOrDefault(r)
	if out.Default {
		l.unique("default route", "A default route", b.DefRange(), "Only one route can be the default: give the other one a condition.")
		if r.has("on") {
			l.Errorf(r.at("on"), "Default route on an edge", "A default route has no condition that could rise or fall. Remove on.")
		}
	}
	out.WhenRng = r.at("when")
	out.Reset = r.expr("reset")
	out.OnFall = r.word("on", "rise", "fall") == "fall"
	out.Cooldown, _ = r.duration("cooldown", "14d", 0)
	out.Say = r.expr("say")
	out.Traits = r.texts("traits")
	out.Silent, _ = r.flag("silent")
	r.done()
	l.def.Routes = append(l.def.Routes, out)
}

// sortDefaults puts default routes and labels last: they are what is taken
// when nothing else is, wherever they are written.
func (l *loader) sortDefaults() {
	routes, labels := l.def.Routes, l.def.Labels
	sort.SliceStable(routes, func(i, j int) bool { return !routes[i].Default && routes[j].Default })
	sort.SliceStable(labels, func(i, j int) bool { return !labels[i].Default && labels[j].Default })
}
