// Package ripen holds what `ripen plugin new` writes into an empty folder: the
// template of each language and the sources of its SDK, so that a plugin is
// built without this repository and without a network.
//
// It has no code and imports nothing. A language is added by its folder under
// sdk, one line here and one entry in cmd/ripen/plugin_lang.go.
package ripen

import "embed"

// Sources holds the SDKs by their paths in this repository. Tests are among
// them; who copies leaves them out.
//
//go:embed LICENSE sdk/*.go sdk/abi/*.go sdk/sdktest/*.go
//go:embed all:sdk/go/template
//go:embed sdk/c/ripen.h sdk/c/ripen.c sdk/c/ripen_test.h all:sdk/c/template
//go:embed sdk/rust/Cargo.toml sdk/rust/src all:sdk/rust/template
//go:embed sdk/assemblyscript/package.json sdk/assemblyscript/assembly all:sdk/assemblyscript/template
var Sources embed.FS
