package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry/pack"
)

func TestLanguages_ScaffoldsAreWhole(t *testing.T) {
	list := shippedLanguages()
	require.Contains(t, names(list), "go")
	require.Contains(t, names(list), "c")
	for i := range list {
		l := &list[i]
		t.Run(l.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, l.scaffold(dir, "quote-size"))
			f, err := openPluginFolder(dir)
			require.NoError(t, err)
			assert.Equal(t, "quote-size", f.manifest.Name)
			found, err := languageOf(dir)
			require.NoError(t, err)
			assert.Equal(t, l.name, found.name)
			for _, name := range []string{"README.md", ".gitignore", "fixtures/basic.hcl", "fixtures/basic.ndjson", "fixtures/basic.golden.json", l.into + "/LICENSE"} {
				assert.FileExists(t, filepath.Join(dir, filepath.FromSlash(name)))
			}
			require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				require.NotContains(t, string(text), "{{name}}", path)
				require.NotContains(t, string(text), "{{ident}}", path)
				require.NotContains(t, string(text), exampleName, path)
				assert.False(t, strings.HasSuffix(path, ".tmpl"), path)
				return err
			}))
		})
	}
}

func TestLanguages_AMissingToolSaysWhatInstallsIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, l := range languages() {
		if l.name == "rust" && isFolder("/usr/lib/rustlib/"+wasmTarget) {
			continue // found without a path
		}
		err := l.build(t.Context(), t.TempDir(), "raw.wasm")
		require.ErrorContains(t, err, "is not there, it is needed to build this plugin; install it: ", l.name)
		require.Regexp(t, `apt-get install |go\.dev/dl`, err.Error())
	}
}

func TestPluginNew_NamesAndFolders(t *testing.T) {
	for _, tt := range []struct{ lang, name, dir, says string }{
		{"", "", "x", "--lang "},
		{"cobol", "", "x", `no language "cobol"; --lang is one of go, `},
		{"go", "9 lives", "x", `cannot be called "9 lives"`},
		{"go", "fine", ".", "is not empty"},
	} {
		err := newApp(nil, os.Stderr, os.Stderr).pluginNew(tt.lang, tt.name, tt.dir)
		require.ErrorContains(t, err, tt.says)
	}
	require.NoError(t, pack.CheckName("quote-size"))
}
