// Package engine wires both planes of Ripen: it loads a workflow, compiles it
// with its plugins, and runs it over events from NATS or from files.
//
// It may import every package below it; nothing below imports it. It holds no
// global state: two engines live in one process side by side.
package engine
