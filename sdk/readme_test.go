package sdk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README prints the plugin that `ripen plugin new --lang go quote-size`
// writes, to the letter: examples/quotesize under that name.
func TestReadme_PrintsTheExample(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for file, fence := range map[string]string{"main.go": "go", "manifest.json": "json", "main_test.go": "go"} {
		source, err := os.ReadFile(filepath.Join("examples", "quotesize", file))
		require.NoError(t, err)
		source = bytes.ReplaceAll(source, []byte("quotesize"), []byte("quote-size"))
		require.Contains(t, string(text), "```"+fence+"\n"+string(source)+"```\n", file)
	}
}
