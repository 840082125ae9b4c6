package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is no configuration, no mapping and no input is told in a line or at
// its line, and never brings the parser down.
func TestFiles_ThatAreNotWhatTheySay(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	deep := put("deep.hcl", "port = "+strings.Repeat("(", 100_000)+"1"+strings.Repeat(")", 100_000))
	large := put("large.hcl", "# "+strings.Repeat("x", maxHCLFile))
	rows := put("rows.csv", "id\n1\n")
	gz := put("rows.csv.gz", "\x1f\x8b\x08\x00")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"deep configuration":  {[]string{"config", "--config", deep}, "Nested too deeply"},
		"large configuration": {[]string{"config", "--config", large}, "has more than 1048576 bytes"},
		"a folder":            {[]string{"config", "--config", dir}, "is a directory"},
		"deep mapping":        {[]string{"score", "-w", "../../workflows/letter-and-number", rows, "--mapping", deep}, "Nested too deeply"},
		"large mapping":       {[]string{"score", "-w", "../../workflows/letter-and-number", rows, "--mapping", large}, "mapping: "},
		"gzip":                {[]string{"score", "-w", "../../workflows/letter-and-number", gz}, "is compressed with gzip; unpack it"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, said bytes.Buffer
			require.Equal(t, exitBad, newApp(strings.NewReader(""), &out, &said).run(c.args))
			require.Contains(t, said.String(), c.want)
			require.Less(t, said.Len(), 3000)
		})
	}
}
