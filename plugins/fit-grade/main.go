// fit-grade scores and grades explicit data: what a lead and its company are.
// Metrics with their own scales, criteria with points, letters by ordered
// conditions or cut-offs, knock-outs. See README.md.
package main

import "github.com/ripenhq/ripen/sdk"

func main() {}

func init() { sdk.Register(plugin) }

// plugin depends on its inputs alone: the host asks again when a fact changes.
var plugin = sdk.Plugin{Caps: sdk.CapPure, Configure: configure}

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	b := &builder{needs: n, score: cfg.Text("score", ""), scorer: new(scorer)}
	for _, c := range cfg.Blocks("metric") {
		b.metric(c)
	}
	b.weigh()
	for _, c := range cfg.Blocks("criterion") {
		b.criterion(c)
	}
	b.grades(cfg)
	b.scale()
	return b.scorer, nil
}
