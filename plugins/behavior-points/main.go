// behavior-points scores implicit data: what a lead does. Events and pages by
// class, single rules with conditions, count tiers, ordered stages, ratios
// over a series and first touches. See README.md.
package main

import "github.com/ripenhq/ripen/sdk"

func main() {}

func init() { sdk.Register(plugin) }

// plugin keeps nothing of its own: scopes, caps and counters are the host's.
var plugin = sdk.Plugin{Configure: configure}

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	b := &builder{needs: n, scorer: new(scorer), used: map[string]bool{}, caps: map[string]int64{}}
	for _, c := range cfg.Blocks("class") {
		b.class(c, c.Label())
	}
	for _, c := range cfg.Blocks("rule") {
		b.rule(c)
	}
	b.stages(cfg.Blocks("stage"))
	for _, c := range cfg.Blocks("tier") {
		b.tier(c)
	}
	for _, c := range cfg.Blocks("ratio") {
		b.ratio(c)
	}
	for _, c := range cfg.Blocks("first") {
		b.first(c)
	}
	return b.finish(), nil
}
