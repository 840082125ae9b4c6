package workflow

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzLoad: any bytes give diagnostics or a workflow, never a panic, soon.
func FuzzLoad(f *testing.F) {
	fixtures, err := filepath.Glob("../../testdata/diag/*.hcl")
	require.NoError(f, err)
	require.NotEmpty(f, fixtures)
	for _, file := range fixtures {
		src, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(src, []byte("domain,size\nacme.test,5\n"))
	}
	opts := testOptions(f)
	f.Fuzz(func(t *testing.T, src, table []byte) {
		start := time.Now()
		def, diags := Load(folder("fuzz.hcl", string(src), "good.csv", string(table)), opts)
		if def == nil {
			t.Fatal("Load returned no definition")
		}
		for _, d := range diags {
			if d.Subject == nil || d.Subject.Filename != "fuzz.hcl" {
				t.Fatalf("diagnostic without a place: %v", d)
			}
		}
		if texted(def, diags) == "" && len(diags) > 0 {
			t.Fatal("diagnostics print as nothing")
		}
		if _, err := DiagnosticsJSON(diags); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %v for %d bytes", took, len(src))
		}
		Format(src)
	})
}
