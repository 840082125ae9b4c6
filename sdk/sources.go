//go:build !wasip1

package sdk

import "embed"

// Sources is what `ripen plugin new` writes into an empty folder: the template
// of each language and the sources of its SDK, by their paths below this
// folder, so that a plugin is built without this repository and without a
// network. Tests are among them; who copies leaves them out. A program that
// does not name it does not hold it.
//
// examples/quotesize is the plugin of all templates: its manifest and fixtures go
// into each, under another name, and its sources into that of Go.
//
//go:embed LICENSE *.go abi/*.go sdktest/*.go
//go:embed examples/quotesize all:go/template
//go:embed c/ripen.h c/ripen.c c/ripen_test.h all:c/template
//go:embed rust/Cargo.toml rust/src all:rust/template
//go:embed assemblyscript/package.json assemblyscript/assembly all:assemblyscript/template
var Sources embed.FS
