package workflow

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"
)

func TestFormat(t *testing.T) {
	got := Format([]byte("route \"a\" \"b\" {\nwhen=x>=1   # why\n    say   =   \"y\"\n}\n"))
	require.Equal(t, "route \"a\" \"b\" {\n  when = x >= 1 # why\n  say  = \"y\"\n}\n", string(got))
}

// Formatting twice changes nothing, and formatting changes no meaning.
func TestFormat_Stable(t *testing.T) {
	fixtures, err := filepath.Glob("../../testdata/diag/*.hcl")
	require.NoError(t, err)
	for _, file := range fixtures {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		once := Format(src)
		require.Equal(t, string(once), string(Format(once)), file)
		squeeze := func(b []byte) string { return strings.Join(strings.Fields(strings.ReplaceAll(string(b), " ", "")), "") }
		require.Equal(t, squeeze(src), squeeze(once), file)
	}
}

func TestWriteDiagnostics(t *testing.T) {
	def, diags := Load(folder("a.hcl", "workflow \"w\" {\n  zone = \"Mars\"\n}\n"+tail), Options{})
	text := texted(def, diags)
	require.Contains(t, text, "on a.hcl line 2, in workflow \"w\":")
	require.Contains(t, text, "   2:   zone = \"Mars\"\n")

	var b strings.Builder
	require.NoError(t, WriteDiagnostics(&b, nil, diags, -1, true), "without sources it still writes")
	require.Contains(t, b.String(), "\x1b[31mError")
}

func TestDiagnosticsJSON(t *testing.T) {
	_, diags := Load(folder("a.hcl", "workflow \"w\" {}\ntable \"t\" { file = \"t.csv\" }"+tail, "t.csv", "name\n"), Options{})
	raw, err := DiagnosticsJSON(diags)
	require.NoError(t, err)
	var got []Diagnostic
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Len(t, got, 1)
	require.Equal(t, "warning", got[0].Severity)
	require.Equal(t, "a.hcl", got[0].File)
	require.Equal(t, &DiagnosticPlace{Line: 2, Column: 20, Byte: 35}, got[0].Start)

	raw, err = DiagnosticsJSON(nil)
	require.NoError(t, err)
	require.Equal(t, "[]", string(raw))
}

// Source lines and the words of plugins are other people's, and nobody reads a
// thousand mistakes.
func TestWriteDiagnostics_BoundedAndHarmless(t *testing.T) {
	long := "# " + strings.Repeat("x", 100_000) + "\x1b[31m"
	var diags hcl.Diagnostics
	for range 150 {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong\x1b]0;title\a", Detail: "ring\a\ttab",
			Subject: &hcl.Range{Filename: "a.hcl", Start: hcl.InitialPos, End: hcl.Pos{Line: 1, Column: 2, Byte: 1}}})
	}
	for _, color := range []bool{false, true} {
		var b strings.Builder
		require.NoError(t, WriteDiagnostics(&b, map[string]*hcl.File{"a.hcl": {Bytes: []byte(long)}}, diags, 80, color))
		require.Less(t, b.Len(), 100*1000)
		require.Contains(t, b.String(), "And 50 more; --json shows them all.")
		require.Contains(t, b.String(), "ring\uFFFD\ttab")
		require.NotContains(t, b.String(), "\a")
		require.Equal(t, color, strings.Contains(b.String(), "\x1b"))
	}
}

func TestLoad_WaitsForNoPipe(t *testing.T) {
	files := folder("a.hcl", "workflow \"w\" {}\n"+tail)
	files["b.hcl"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	_, diags := Load(files, Options{})
	require.ErrorContains(t, diags, "b.hcl: it is not a regular file")
}
