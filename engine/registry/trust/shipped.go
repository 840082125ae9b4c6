package trust

import _ "embed"

// formerly are the digests of plugins that earlier versions of Ripen shipped,
// which releases made with those versions still run: one a line. Cutting a
// release adds those of its plugins.
//
//go:embed shipped.txt
var formerly string
