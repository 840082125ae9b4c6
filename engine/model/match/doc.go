// Package match compares texts with fixed sets of texts and patterns, without
// allocation: the globs and lists of a workflow, and the literals that plugins
// ask for.
//
// It imports the plugin contract for the shape of literals and nothing else of
// ours. It keeps no state: what it makes is shared between partitions.
package match
