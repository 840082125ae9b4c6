// Package builtin holds the plugins that are compiled into the binary. They
// are built from plugins/ by `make plugins`; a tree in which that was not done
// yet still compiles, without plugins.
package builtin

import "embed"

// Modules holds wasm/*.wasm.
//
//go:embed all:wasm
var Modules embed.FS
