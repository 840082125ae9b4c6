// greedy makes objects on every call, some 2 kB of them, and awards what it
// counts in them. The same as sdk/assemblyscript/tests/greedy.ts.
package main

import (
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/sdk"
)

func main() {}

func init() { sdk.Register(plugin) }

var plugin = sdk.Plugin{Configure: func(_ sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	event, rule := n.Event(sdk.Exact("Quote Requested")...), n.Rule(sdk.Rule{Name: "greedy"})
	return sdk.ScorerFunc(func(in *sdk.Input, out *sdk.Output) error {
		var words []string
		for i := range 16 {
			words = append(words, "word "+strconv.FormatUint(in.Seed()>>i&1023, 10))
		}
		all := strings.Join(words, ", ")
		if in.Which(event) > 0 {
			out.Award(rule, int64(len(all)))
		}
		return nil
	}), nil
}}
