// Package wasm runs plugins: it verifies a module, meters it, compiles it and
// implements step.Scorer with its instances.
//
// A plugin can do nothing but compute. It has no clock, no randomness, no files
// and no network: what of WASI a Go module cannot be linked without answers
// constants. What it may use is bounded: fuel for each call (package meter),
// pages of memory, the size of the module and of everything that it hands back.
//
// Two rules shape the code:
//
//   - A plugin fails at load, by name, or it harms one input. Load checks all
//     that can be checked without running the module first, and what it runs
//     afterwards runs on fuel.
//   - The outcome of an input never depends on the inputs that travelled with
//     it. A call that breaks says nothing about any slot: its instance is thrown
//     away and its slots are run again in smaller rounds, until the culprit stands
//     alone in a fresh instance. That run has the verdict.
//
// The package imports lead, ledger, step, sdk/abi and meter. It never reads the
// configuration language, never decides what a failure means for a lead, and
// never keeps anything between two engines in one process.
package wasm
