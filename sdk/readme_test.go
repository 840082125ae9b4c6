package sdk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README prints the example that is built and tested, to the letter.
func TestReadme_PrintsTheExample(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for file, fence := range map[string]string{"main.go": "go", "manifest.json": "json", "quotesize_test.go": "go"} {
		source, err := os.ReadFile(filepath.Join("examples", "quotesize", file))
		require.NoError(t, err)
		require.Contains(t, string(text), "```"+fence+"\n"+string(source)+"```\n", file)
	}
}
