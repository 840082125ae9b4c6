// decay lets points fade with their age: linear, half-life, step or table
// curves for each score, class or rule. See README.md.
package main

import "github.com/ripenhq/ripen/sdk"

func main() {}

func init() { sdk.Register(plugin) }

// plugin is a function of the ledger rows and now alone.
var plugin = sdk.Plugin{Caps: sdk.CapLedger | sdk.CapMemoryless, ArenaWant: 4 << 20, Configure: configure}

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	s := new(scorer)
	base := readCurve(cfg, n)
	scores := cfg.Strings("of")
	horizon := base.horizon()
	for _, e := range cfg.Blocks("except") {
		c := readCurve(e, n)
		class, rule := e.Text("class", ""), e.Text("rule", "")
		if class == "" && rule == "" {
			class = e.Label()
		}
		horizon = max(horizon, c.horizon())
		for _, score := range scores {
			n.View(sdk.View{Score: score, Class: class, Rule: rule})
			s.curves = append(s.curves, c)
		}
	}
	for _, score := range scores {
		n.View(sdk.View{Score: score})
		s.curves = append(s.curves, base)
	}
	n.Horizon(horizon)
	n.KeepsFresh() // at age 0 a curve gives all of it
	return s, nil
}
