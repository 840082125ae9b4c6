package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/conformance"
)

// pluginCommand holds what publishers of plugins do, and operators with them.
func (a *app) pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Write, check, sign and trust plugins",
		Long: `A plugin is one scoring step in WebAssembly, in a folder of its own: manifest.json,
sources and fixtures. The commands below take such a folder, the current one
unless another is named, or a module.`,
		Example: `  ripen plugin new --lang go quote-size && cd quote-size
  ripen plugin build && ripen plugin test && ripen plugin verify
  ripen plugin keygen acme && ripen plugin sign --key acme.key build/quote-size.wasm`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("say which: %s; see ripen plugin --help", strings.Join(verbs(cmd), ", "))
		},
	}
	cmd.AddCommand(a.pluginNewCommand(), a.pluginBuildCommand(), a.pluginTestCommand(), a.pluginVerifyCommand(), a.pluginBenchCommand(), a.pluginPackCommand(),
		a.pluginKeygenCommand(), a.pluginSignCommand(), a.pluginInspectCommand(), a.pluginPushCommand(), a.pluginListCommand(), a.pluginTrustCommand())
	return cmd
}

func verbs(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// Names in the folder of a plugin.
const (
	manifestFile  = "manifest.json"
	buildFolder   = "build"
	fixtureFolder = "fixtures"
	moduleSuffix  = ".wasm"
)

// pluginFolder is the folder that a plugin is written in.
type pluginFolder struct {
	dir      string
	manifest *abi.Manifest
	text     []byte // of the manifest
}

func openPluginFolder(dir string) (*pluginFolder, error) {
	file := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no folder of a plugin: it has no %s; make one with ripen plugin new", dir, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	m, err := conformance.CheckManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &pluginFolder{dir, m, text}, nil
}

// module is where a build puts the packed module.
func (f *pluginFolder) module() string {
	return filepath.Join(f.dir, buildFolder, f.manifest.Name+moduleSuffix)
}

// subject is the module that a command is about, with its fixtures.
type subject struct {
	file  string
	wasm  []byte
	cases []conformance.Case
}

// subject finds the module: a file, or what was built in a folder. fixtures is
// the folder of the cases; empty = the one beside the manifest, if there is one.
func (a *app) subject(name, fixtures string) (*subject, error) {
	s := &subject{file: name}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		f, err := openPluginFolder(name)
		if err != nil {
			return nil, err
		}
		s.file = f.module()
		if fixtures == "" {
			if fixtures = filepath.Join(name, fixtureFolder); !isFolder(fixtures) {
				fixtures = ""
			}
		}
		if _, err := os.Stat(s.file); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not there yet: build it with ripen plugin build %s", s.file, name)
		}
		a.noteOld(f, s.file)
	}
	var err error
	if s.wasm, err = readModule(s.file); err != nil || fixtures == "" {
		return s, err
	}
	if !isFolder(fixtures) {
		return nil, fmt.Errorf("fixtures %s: there is no such folder", fixtures)
	}
	s.cases, err = conformance.ReadCases(os.DirFS(fixtures))
	return s, err
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// noteOld says that a source is newer than what was built of it.
func (a *app) noteOld(f *pluginFolder, module string) {
	built, err := os.Stat(module)
	if err != nil {
		return
	}
	_ = filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.IsDir() {
			switch d.Name() {
			case buildFolder, fixtureFolder, "node_modules", "target", ".git":
				return filepath.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err == nil && isSource(path) && info.ModTime().After(built.ModTime()) {
			a.note("%s is newer than %s: ripen plugin build makes it anew", path, module)
			return filepath.SkipAll
		}
		return nil
	})
}

func isSource(path string) bool {
	switch filepath.Ext(path) {
	case ".go", ".rs", ".ts", ".c", ".h":
		return !strings.HasSuffix(path, "_test.go")
	}
	return filepath.Base(path) == manifestFile
}

// readModule reads a file of the size that a module may have.
func readModule(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file, expected a module", file)
	case info.Size() > abi.MaxModule:
		return nil, fmt.Errorf("%s has %d bytes, a module may have %d", file, info.Size(), abi.MaxModule)
	}
	return os.ReadFile(file)
}

// writeModule writes a file in one go.
func writeModule(file string, data []byte) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, data) {
		now := fileTime()
		return os.Chtimes(file, now, now) // it is as new as its sources
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temp := file + ".new"
	if err := os.WriteFile(temp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, file)
}

// moduleJSON is a module as scripts read it.
type moduleJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"`
	Size    int    `json:"size"`
	Digest  string `json:"digest"`
	Key     string `json:"key,omitempty"` // id of the key that signed it
}

func describeModule(file string, wasm []byte) (*moduleJSON, error) {
	m, err := pack.Manifest(wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := &moduleJSON{Name: m.Name, Version: m.Version, File: file, Size: len(wasm), Digest: "sha256:" + registry.Digest(wasm)}
	if sig, err := pack.Verify(wasm); err == nil {
		out.Key = sig.Key.ID()
	}
	return out, nil
}

// sayModule says what a command has written.
func (a *app) sayModule(verb, file string, wasm []byte, asJSON bool) error {
	m, err := describeModule(file, wasm)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(m)
	}
	a.say("%s %s: %s %s, %s bytes, %s", verb, file, m.Name, m.Version, thousands(m.Size), m.Digest)
	return nil
}

// one is the only argument, or a default.
func one(list []string, def string) string {
	if len(list) > 0 {
		return list[0]
	}
	return def
}
