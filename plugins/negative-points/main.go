// negative-points takes points away: unsubscribes, bounces, pages that say the
// wrong thing, competitors, ignored e-mails, inactivity, and awards that are
// taken back. See README.md.
package main

import "github.com/ripenhq/ripen/sdk"

func main() {}

func init() { sdk.Register(plugin) }

var plugin = sdk.Plugin{
	Caps: sdk.CapState | sdk.CapTimers, StateMax: stateMax, StateVersion: stateVersion, Configure: configure,
}

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	b := &builder{needs: n, scorer: new(scorer), root: cfg, score: cfg.Text("score", "")}
	b.plain()
	for _, c := range cfg.Blocks("reversal") {
		b.reversal(c)
	}
	for _, c := range cfg.Blocks("stop") {
		b.stop(c)
	}
	for _, c := range cfg.Blocks("match") {
		b.match(c)
	}
	for _, c := range cfg.Blocks("domains") {
		b.domains(c)
	}
	for _, c := range cfg.Blocks("ignored") {
		b.ignored(c)
	}
	for _, c := range cfg.Blocks("inactivity") {
		b.inactivity(c)
	}
	if s := b.scorer; len(s.stops)+len(s.facts)+len(s.ignores)+len(s.idles) == 0 {
		n.Sparse() // only a listed event or page takes points
	}
	return b.scorer, nil
}
