// Package expr compiles the expressions of a workflow into typed closures over
// a ledger.Frame.
//
// It reads the syntax tree of HCL (hclsyntax) and never HCL's evaluator: HCL
// treats null as a value (`!(null == "a")` is true), Ripen does not. Missing
// is unknown, logic is Kleene's, and unknown never fires. All type errors and
// unknown names are diagnostics of the load; a compiled expression cannot fail
// and allocates nothing, except where it makes text (templates, lower).
//
// # Types
//
//	bool    true, false, unknown
//	number  float64; literals are exact rationals until they meet a property
//	points  exact: int64 milli-points over a constant denominator, rounded half
//	        away from zero once, at the end
//	string
//
// Traits, account facts, properties and table cells are typed by what they
// hold at run time, and take the type that their place asks for:
//
//	asked for  text                  number       true/false        list
//	string     itself                its text     "true", "false"   unknown
//	number     a decimal is read     itself       unknown           unknown
//	           ("12"), else unknown
//	bool       "true", "false",      unknown      itself            unknown
//	           else unknown
//
// So `trait.size > 50` over "big" is unknown, neither true nor false, and
// `prop.sku == "12"` over the number 12 is true. like, oneof, listed and
// contains over a list ask whether any element fits.
//
// It may import lead, ledger, model/match and workflow (for its durations). It never reads
// files, clocks or the plugin contract.
package expr
