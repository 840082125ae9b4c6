package workflow

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
