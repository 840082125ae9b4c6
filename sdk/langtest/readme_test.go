package langtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README of each SDK prints the example that is built and tested, to the
// letter, and the template is the same plugin.
func TestReadme_PrintsTheExample(t *testing.T) {
	for _, tt := range []struct {
		folder, template string
		files            []string
	}{
		{"c", "plugin.c", []string{"quotesize.c", "manifest.json", "tests/test.c"}},
		{"rust", "src/lib.rs", []string{"src/lib.rs", "manifest.json"}},
		{"assemblyscript", "assembly/index.ts", []string{"assembly/index.ts", "manifest.json", "tests/plugin.test.mjs"}},
	} {
		t.Run(tt.folder, func(t *testing.T) {
			dir := filepath.Join(root, "sdk", tt.folder)
			readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
			require.NoError(t, err)
			for _, file := range tt.files {
				source, err := os.ReadFile(filepath.Join(dir, "examples", "quotesize", file))
				require.NoError(t, err)
				require.True(t, strings.Contains(string(readme), string(source)+"```\n"), file)
			}
			source, err := os.ReadFile(filepath.Join(dir, "examples", "quotesize", tt.files[0]))
			require.NoError(t, err)
			template, err := os.ReadFile(filepath.Join(dir, "template", tt.template))
			require.NoError(t, err)
			require.Equal(t, code(string(source)), code(string(template)))
		})
	}
}

// code is a source from its first declaration on: imports name other paths in a
// template.
func code(source string) string {
	for _, begin := range []string{"class QuoteSize", "/// What configure says", "// What configure says"} {
		if i := strings.Index(source, begin); i >= 0 {
			source = source[i:]
			break
		}
	}
	body, _, _ := strings.Cut(source, "\nexport * from")
	return body
}
