// Package faults shows that nothing is lost and nothing counted twice, in one
// process.
//
// Package faults holds tests alone; nothing imports it, and it needs no folder
// beside its own temporary ones.
package faults
