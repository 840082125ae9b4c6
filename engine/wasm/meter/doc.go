// Package meter makes a WebAssembly module pay for what it executes.
//
// Rewrite returns the module with one more global, an exported mutable i64
// named FuelExport. Each function entry and each loop header takes a constant
// from it: the number of instructions of the straight region that follows and a
// little for the charge itself. Bulk operations take the length they were asked
// for as well. A module whose fuel falls below zero traps with `unreachable`; the
// host tells this trap from the plugin's own by the sign of the global.
//
// Why rewrite instead of asking the runtime: the runtime can only watch a
// deadline, at several times the price on hot loops, and a deadline depends on
// the machine. Fuel is a pure function of the module and its inputs, so the same
// input runs out on every machine and in every replay.
//
// The cost is an upper bound by construction, not a cycle count: a header takes
// the price of its whole region however little of it runs, except in large
// regions, which pay segment by segment, see fine. What matters is that no path
// through the module executes without paying.
//
// The package reads the module strictly (the WebAssembly 2.0 binary format
// without SIMD, threads, exceptions, tail calls, several memories) and refuses
// the rest by name, before the runtime sees a byte. It imports nothing of ours,
// keeps no state, and never runs code.
package meter
