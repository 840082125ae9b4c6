// quotesize gives a point for every thousand that a requested quote is about.
package main

import "github.com/ripenhq/ripen/sdk"

func main() {}

func init() { sdk.Register(plugin) }

var plugin = sdk.Plugin{Configure: configure}

// configure reads the block of the step and says what the scorer needs.
func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	most := cfg.Points("most", 50_000) // milli-points
	if most <= 0 {
		n.Error(cfg.Get("most"), "most", "Nothing to give", "most is how many points a quote can give; write a number above 0.")
	}
	return &scorer{
		event:  n.Event(sdk.Exact("Quote Requested")...),
		amount: n.PropNumber("amount"),
		rule:   n.Rule(sdk.Rule{Name: "quote", Template: "{label}", Activity: true, Max: most}),
		most:   most,
	}, nil
}

type scorer struct {
	event  sdk.Enum
	amount sdk.Number
	rule   sdk.RuleID
	most   int64
}

// Score looks at one input of one lead. It keeps nothing between two calls.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	if which, known := in.Enum(s.event); !known || which == 0 {
		return nil // another event, or no event at all
	}
	amount, known := in.Number(s.amount)
	if !known || amount <= 0 {
		return nil // missing is unknown, and unknown fires nothing
	}
	// A point is 1,000 milli-points: a thousand in the quote, a point in the ledger.
	out.Award(s.rule, int64(min(amount, float64(s.most))))
	return nil
}
