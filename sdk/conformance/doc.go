// Package conformance checks that a plugin keeps the contract, plays its
// fixtures and measures it. Publishers run it in their own CI:
//
//	cases, err := conformance.ReadCases(os.DirFS("fixtures"))
//	report, err := conformance.Verify(ctx, module, conformance.Options{Cases: cases})
//	fmt.Print(report)
//	if !report.OK() { … }
//
// A case is a configuration with events that lie in files: name.hcl holds the
// body of the step's block, or a whole workflow of which the plugin is a step;
// name.ndjson the events as `ripen score` reads them; name.golden.json what the
// plugin makes of them. The package compiles the case exactly as the engine
// compiles a workflow, plays the events through the same core, and looks at each
// slot that reaches the plugin: its columns, state, ledger rows and answer.
//
// From then on slots stand for themselves. The contract says that the answer to
// one depends on nothing else, so Verify plays them again in other rounds,
// orders and instances, breaks calls at every point of a round, takes room and
// fuel away, and compares bytes. To what the cases show it adds slots that it
// makes up from the inputs that the plugin asked for, the same ones each time.
//
// The package may import the engine's packages for workflows and plugins. It
// never writes files, never reads a clock (Bench takes one), and never loads
// what it is not given.
package conformance
