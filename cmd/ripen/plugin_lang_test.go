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
		err := l.tools(t.Context())
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

// A rustc without its linker, as Debian installs it without what it recommends.
func TestBuildRust_AMissingLinkerSaysWhatInstallsIt(t *testing.T) {
	dir := t.TempDir()
	sysroot := filepath.Join(dir, "sysroot")
	require.NoError(t, os.MkdirAll(filepath.Join(sysroot, "lib", "rustlib", wasmTarget), 0o755))
	fake := "#!/bin/sh\ncase \"$*\" in *sysroot*) echo " + sysroot + ";; *cdylib*) echo 'error: linker `rust-lld` not found' >&2; exit 1;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rustc"), []byte(fake), 0o755))
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	require.EqualError(t, buildRust(t.Context(), dir, "raw.wasm"), "rust-lld, which rustc links with, is not there, it is needed to build this plugin; install it: apt-get install lld (Debian)")
}
