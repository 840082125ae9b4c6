package release_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

func files() map[string][]byte {
	return map[string][]byte{"workflow.hcl": []byte("workflow \"w\" {}\n"), "lists/a.csv": []byte("name\nx\n"), "empty.csv": {}}
}

func TestBundle_OneContentHasOneName(t *testing.T) {
	b, err := release.NewBundle(files(), pins())
	require.NoError(t, err)
	text := b.Encode()
	sum := sha256.Sum256(text)
	require.Equal(t, hex.EncodeToString(sum[:]), b.Digest())
	got, err := release.Decode(text)
	require.NoError(t, err)
	require.Equal(t, b.Digest(), got.Digest())
	require.Equal(t, text, got.Encode())
	require.Equal(t, []string{"empty.csv", "lists/a.csv", "ripen.lock.hcl", "workflow.hcl"}, got.Names())
	require.Equal(t, release.NewLock(pins()).Pins, got.Plugins())
	data, err := fs.ReadFile(got.FS(), "lists/a.csv")
	require.NoError(t, err)
	require.Equal(t, "name\nx\n", string(data))
	require.NoError(t, fstest.TestFS(got.FS(), got.Names()...))

	own := files() // a lock file of the folder is replaced by what is used
	own[release.LockFile] = []byte("# other comments\n")
	same, err := release.NewBundle(own, pins())
	require.NoError(t, err)
	require.Equal(t, b.Digest(), same.Digest())
	for name, change := range map[string]func(map[string][]byte, []release.Pin){
		"content": func(f map[string][]byte, _ []release.Pin) { f["workflow.hcl"] = []byte("workflow \"w\" {}") },
		"name":    func(f map[string][]byte, _ []release.Pin) { f["b.csv"] = f["empty.csv"]; delete(f, "empty.csv") },
		"plugin":  func(_ map[string][]byte, p []release.Pin) { p[0].Digest = one },
	} {
		f, p := files(), pins()
		change(f, p)
		other, err := release.NewBundle(f, p)
		require.NoError(t, err)
		require.NotEqual(t, b.Digest(), other.Digest(), name)
	}
}

func TestBundle_RefusesWhatItMustNotHold(t *testing.T) {
	many := map[string][]byte{}
	for i := range release.MaxFiles {
		many[strings.Repeat("x", i%200+1)+strings.Repeat("y", i/200)] = nil
	}
	large := map[string][]byte{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		large[name] = make([]byte, release.MaxFile)
	}
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"outside":    {map[string][]byte{"../x": nil}, `"../x" cannot be the name`},
		"absolute":   {map[string][]byte{"/etc/x": nil}, "cannot be the name"},
		"backslash":  {map[string][]byte{`a\b`: nil}, "cannot be the name"},
		"long name":  {map[string][]byte{strings.Repeat("x", 256): nil}, "cannot be the name"},
		"large file": {map[string][]byte{"x": make([]byte, release.MaxFile+1)}, "x has 16777217 bytes, at most 16777216"},
		"many files": {many, "it has 1001 files, at most 1000"},
		"large":      {large, "more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := release.NewBundle(c.files, nil)
			require.ErrorIs(t, err, release.ErrBundle)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestDecode_RefusesOtherBytes(t *testing.T) {
	b, err := release.NewBundle(files(), pins())
	require.NoError(t, err)
	text := b.Encode()
	swap := func(a, b string) []byte { return bytes.Replace(text, []byte(a), []byte(b), 1) }
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"nothing":         {nil, "does not begin with"},
		"another version": {swap("bundle 1", "bundle 2"), "another version of ripen"},
		"cut off":         {text[:len(text)-1], "cut off"},
		"more":            {append(bytes.Clone(text), 0), "1 bytes stand behind its end"},
		"order":           {swap("empty.csv", "zmpty.csv"), `"lists/a.csv" stands behind "zmpty.csv"`},
		"a way out":       {swap("lists/a.csv", "../ts/a.csv"), "cannot be the name"},
		"another lock":    {swap("# Pins", "# pins"), "not written as in a bundle"},
		"broken lock":     {swap("sha256:", "sha255:"), "Not a digest|64 hexadecimal"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := release.Decode(c.text)
			require.ErrorIs(t, err, release.ErrBundle)
			require.Regexp(t, c.want, err.Error())
		})
	}
}

func TestGather_TakesWhatTheWorkflowReads(t *testing.T) {
	folder := fstest.MapFS{
		"main.hcl":             {Data: []byte("workflow \"w\" {}\ntable \"t\" { file = \".lists/./t.csv\" }\nroute \"nurture\" \"rest\" { default = true }\n")},
		".lists/t.csv":         {Data: []byte("name\nx\n")},
		"other.csv":            {Data: []byte("no table\n")},
		"basics.ripentest.hcl": {Data: []byte("")},
		"mapping.hcl":          {Data: []byte("")},
		"README.md":            {Data: []byte("")},
	}
	for _, dir := range []string{"", ".", "a/b", "./a//b/"} {
		def, diags := workflow.Load(folder, workflow.Options{Dir: dir})
		require.Empty(t, diags)
		b, err := release.Gather(folder, dir, def, pins())
		require.NoError(t, err)
		require.Equal(t, []string{".lists/t.csv", "basics.ripentest.hcl", "main.hcl", "ripen.lock.hcl"}, b.Names(), dir)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := release.NewBundle(files(), pins())
	require.NoError(f, err)
	f.Add(b.Encode())
	f.Add(b.Encode()[:40])
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := release.Decode(text)
		if err != nil {
			require.ErrorIs(t, err, release.ErrBundle)
			return
		}
		require.Equal(t, text, b.Encode())
		again, err := release.NewBundle(read(t, b), b.Plugins())
		require.NoError(t, err)
		require.Equal(t, b.Digest(), again.Digest())
	})
}

func read(t *testing.T, b *release.Bundle) map[string][]byte {
	out := map[string][]byte{}
	for _, name := range b.Names() {
		data, err := fs.ReadFile(b.FS(), name)
		require.NoError(t, err)
		out[name] = data
	}
	return out
}
