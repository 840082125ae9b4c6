package langtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README of each SDK prints the plugin that `ripen plugin new` writes, to
// the letter.
func TestReadme_PrintsThePlugin(t *testing.T) {
	for _, tt := range []struct {
		folder string
		files  []string // of the template
	}{
		{"c", []string{"plugin.c", "tests/test.c"}},
		{"rust", []string{"src/lib.rs"}},
		{"assemblyscript", []string{"assembly/index.ts", "tests/plugin.test.mjs"}},
	} {
		t.Run(tt.folder, func(t *testing.T) {
			dir := filepath.Join(root, "sdk", tt.folder)
			readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
			require.NoError(t, err)
			files := []string{filepath.Join(root, "sdk", "examples", "quotesize", "manifest.json")}
			for _, file := range tt.files {
				files = append(files, filepath.Join(dir, "template", filepath.FromSlash(file)))
			}
			for _, file := range files {
				source, err := os.ReadFile(file)
				require.NoError(t, err)
				printed := strings.NewReplacer("{{name}}", "quote-size", "quotesize", "quote-size").Replace(string(source))
				require.True(t, strings.Contains(string(readme), "\n"+printed+"```\n"), file)
			}
		})
	}
}
