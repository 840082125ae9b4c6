package model

import (
	"io/fs"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/internal/diagtest"
)

func TestDiagnostics_R000_13_R003_11_R003_12(t *testing.T) {
	diagtest.Run(t, "../../testdata/diag/model", func(t testing.TB, fsys fs.FS) hcl.Diagnostics {
		_, diags := load(t, fsys)
		return diags
	})
}
