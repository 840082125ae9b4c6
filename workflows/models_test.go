package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// models are the starter models.
var models = []string{"email-engagement", "fit-and-interest", "fit-and-interest-one-score", "hundred-point", "letter-and-number", "staged-fit-p1", "staged-fit-p2"}

func TestStartersLoadWithoutComplaints(t *testing.T) {
	for _, dir := range models {
		t.Run(dir, func(t *testing.T) {
			w := load(t, dir).work
			require.Equal(t, dir, w.Def.Name, "a folder is named like its workflow")
			require.NotEmpty(t, w.Def.About)
			files, err := filepath.Glob(filepath.Join(dir, "*.hcl"))
			require.NoError(t, err)
			for _, file := range files {
				if strings.HasSuffix(file, ".ripentest.hcl") {
					continue // tests may be as long as they need to be
				}
				src, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Less(t, strings.Count(string(src), "\n"), 80, "%s is more than a screen", file)
			}
			readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
			require.NoError(t, err)
			require.Contains(t, string(readme), "ripen score")
		})
	}
	folders, err := filepath.Glob("*/workflow.hcl")
	require.NoError(t, err)
	require.Len(t, folders, len(models), strings.Join(folders, " "))
}
