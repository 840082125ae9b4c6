// bot-filter hides the opens and clicks that robots make from the steps behind
// it: mail gateways that look at every link, image proxies that load a mail
// before anybody reads it. Where it turns out later, it takes back what the
// earlier events were given. See README.md.
package main

import "github.com/ripenhq/ripen/sdk"

func main() {}

func init() { sdk.Register(plugin) }

var plugin = sdk.Plugin{Caps: sdk.CapState | sdk.CapVoid, StateMax: uint32(stateMax), StateVersion: stateVersion, Configure: configure}

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	b := &builder{needs: n, root: cfg, scorer: new(scorer)}
	b.events()
	b.times()
	b.lists()
	b.outcomes()
	return b.scorer, nil
}
