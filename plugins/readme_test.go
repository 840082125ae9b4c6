// Package plugins_test loads every example that the plugins' READMEs print.
package plugins_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
)

func TestReadmesPrintWorkflowsThatLoad(t *testing.T) {
	files, err := filepath.Glob("*/README.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		blocks := strings.Split(string(text), "```hcl\n")[1:]
		require.NotEmpty(t, blocks, file)
		for i, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			t.Run(fmt.Sprint(filepath.Dir(file), "/", i+1), func(t *testing.T) { requireLoads(t, block) })
		}
	}
}

func requireLoads(t *testing.T, block string) {
	t.Helper()
	source := "workflow \"readme\" { about = \"An example\" }\n" + block + "\nroute \"nurture\" \"rest\" { default = true }\n"
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(source), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "markets.csv"), []byte("name,worth\nnordics,15\ndach,20\n"), 0o600))
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: filepath.Join("..", "build", "plugin-cache"), Quiet: true})
	require.NoError(t, err)
	defer w.Close()
	var b bytes.Buffer
	var files map[string]*hcl.File
	if w.Def != nil {
		files = w.Def.Files
	}
	require.NoError(t, hcl.NewDiagnosticTextWriter(&b, files, 120, false).WriteDiagnostics(diags))
	require.False(t, diags.HasErrors(), b.String())
}
