// Package sdk is what the author of a Ripen plugin in Go writes against. It
// imports the contract (sdk/abi) and the standard library, nothing else, and
// its sources stay within what TinyGo understands (no reflection, no JSON).
//
// # A plugin
//
//	package main
//
//	func main() {}
//
//	func init() { sdk.Register(plugin) }
//
//	var plugin = sdk.Plugin{
//		Caps: sdk.CapPure,
//		Configure: func(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
//			asked := n.Event("Demo Requested")
//			worth := cfg.Points("points", 100_000)
//			rule := n.Rule(sdk.Rule{Name: "asked", Template: "{label}", Activity: true, Max: worth})
//			return sdk.ScorerFunc(func(in *sdk.Input, out *sdk.Output) error {
//				if which, known := in.Enum(asked); known && which == 1 {
//					out.Award(rule, worth)
//				}
//				return nil
//			}), nil
//		},
//	}
//
// It is built by
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags="-s -w"
//
// packed with its manifest.json, and tested by plain `go test` with package
// sdktest, which runs the same code over the same arena without any WASM.
//
// # The contract
//
// Configure runs once for each instance. It reads its configuration, says what
// it needs (columns, rules, grades, flags, counters, ledger views) and returns
// the scorer. Mistakes of the configuration's author are reported with
// Needs.Error at the node that they stand in, all of them; an error returned
// from Configure refuses the configuration as a whole.
//
// Score then runs once for each slot: one lead with one input, which is an
// event, a timer that the plugin asked for, or a probe. What it says depends on
// the slot alone (input, state, ledger rows): scorers keep nothing between two
// calls, because rounds are split, repeated and spread over instances at will.
// Times are int64 milliseconds since 1970 UTC, points are int64 milli-points
// (1 point = 1,000), there is no clock and no randomness.
//
// Entries, state and result of a slot count as a whole: an error from Score
// drops them and is shown with its text; a panic traps the instance and fails
// that slot alone; when the host's room for entries is used up, the slot is
// run again later, unseen by the plugin.
//
// A column that the input does not have is unknown (known == false), never
// zero. Unknown must not fire anything.
//
// The hot path allocates nothing and the SDK reads columns in place: what
// Input returns (text, state, rows) is valid until Score returns.
package sdk
