package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/sdk"
)

// language is one that plugins can be written in. Adding one is its folder under
// sdk, a line in sdk/sources.go and an entry here.
type language struct {
	name     string
	title    string
	template string   // folder in sdk.Sources
	same     []string // sources that are those of the example
	sdk      []string // of the SDK: files and folders in sdk.Sources, or patterns
	base     string   // that is taken away from their paths
	into     string   // where they go in a scaffold
	extra    map[string]string
	marks    []string                        // files that a plugin in the language has
	tools    func(ctx context.Context) error // says what is missing to build one, and how to come by it
	build    func(ctx context.Context, dir, raw string) error
}

func languages() []language {
	return []language{
		{name: "go", title: "Go", template: "go/template", same: []string{"main.go", "main_test.go"}, sdk: []string{"LICENSE", "*.go", "abi", "sdktest"}, into: "third_party/ripen/sdk",
			extra: map[string]string{"../go.mod": "module github.com/ripenhq/ripen\n\ngo 1.24\n"}, marks: []string{"go.mod", "main.go"}, tools: findGo, build: buildGo},
		{name: "rust", title: "Rust", template: "rust/template", sdk: []string{"LICENSE", "rust/Cargo.toml", "rust/src"}, base: "rust",
			into: "third_party/ripen-rust", marks: []string{"Cargo.toml", "src/lib.rs"}, tools: findRust, build: buildRust},
		{name: "assemblyscript", title: "AssemblyScript", template: "assemblyscript/template", sdk: []string{"LICENSE", "assemblyscript/package.json", "assemblyscript/assembly"},
			base: "assemblyscript", into: "third_party/ripen-assemblyscript", marks: []string{"asconfig.json"}, tools: findAssemblyScript, build: buildAssemblyScript},
		{name: "c", title: "C", template: "c/template", sdk: []string{"LICENSE", "c/ripen.h", "c/ripen.c", "c/ripen_test.h"}, base: "c",
			into: "third_party/ripen-c", marks: []string{"plugin.c", "main.c"}, tools: findC, build: buildC},
	}
}

// shippedLanguages are those whose template is in this binary.
func shippedLanguages() (list []language) {
	for _, l := range languages() {
		if _, err := fs.Stat(sdk.Sources, l.template); err == nil {
			list = append(list, l)
		}
	}
	return list
}

func names(list []language) (out []string) {
	for _, l := range list {
		out = append(out, l.name)
	}
	return out
}

// languageNamed finds a language by its name.
func languageNamed(name string) (*language, error) {
	list := shippedLanguages()
	for i := range list {
		if list[i].name == name {
			return &list[i], nil
		}
	}
	return nil, fmt.Errorf("there is no language %q; --lang is one of %s", name, strings.Join(names(list), ", "))
}

// languageOf finds out what a plugin is written in.
func languageOf(dir string) (*language, error) {
	list := languages()
	for i := range list {
		for _, mark := range list[i].marks {
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(mark))); err == nil {
				return &list[i], nil
			}
		}
	}
	var marks []string
	for _, l := range list {
		marks = append(marks, l.marks[0]+" ("+l.title+")")
	}
	return nil, fmt.Errorf("%s: what is it written in? There is none of %s; build it yourself and use ripen plugin pack", dir, strings.Join(marks, ", "))
}

// example is the folder in sdk.Sources of the plugin that all templates are, and
// exampleName its name there.
const example, exampleName = "examples/quotesize", "quotesize"

// plugin writes what is the same in all languages: manifest and fixtures.
func (l *language) plugin(dir, name string) error {
	files, err := fs.Glob(sdk.Sources, example+"/fixtures/*")
	if err != nil {
		return err
	}
	for _, file := range append([]string{manifestFile}, l.same...) {
		files = append(files, path.Join(example, file))
	}
	for _, file := range files {
		data, err := fs.ReadFile(sdk.Sources, file)
		if err != nil {
			return err
		}
		if err := put(dir, strings.TrimPrefix(file, example+"/"), bytes.ReplaceAll(data, []byte(exampleName), []byte(name))); err != nil {
			return err
		}
	}
	return nil
}

// scaffold writes plugin, template and SDK into a folder.
func (l *language) scaffold(dir, name string) error {
	if err := l.plugin(dir, name); err != nil {
		return err
	}
	fill := strings.NewReplacer("{{name}}", name, "{{ident}}", strings.ReplaceAll(name, "-", "_"))
	err := fs.WalkDir(sdk.Sources, l.template, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sdk.Sources, file)
		if err != nil {
			return err
		}
		to := strings.TrimSuffix(strings.TrimPrefix(file, l.template+"/"), ".tmpl")
		return put(dir, fill.Replace(to), []byte(fill.Replace(string(data))))
	})
	if err != nil {
		return err
	}
	for file, text := range l.extra {
		if err := put(dir, path.Join(l.into, file), []byte(text)); err != nil {
			return err
		}
	}
	for _, pattern := range l.sdk {
		parts, err := fs.Glob(sdk.Sources, pattern)
		if err != nil {
			return err
		}
		for _, from := range parts {
			if err := l.vendor(dir, from); err != nil {
				return err
			}
		}
	}
	return nil
}

// vendor copies a part of the SDK.
func (l *language) vendor(dir, from string) error {
	return fs.WalkDir(sdk.Sources, from, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "template":
			return fs.SkipDir
		case d.IsDir(), strings.HasSuffix(file, "_test.go"), file == "sources.go":
			return nil
		}
		data, err := fs.ReadFile(sdk.Sources, file)
		if err != nil {
			return err
		}
		to := file
		if l.base != "" {
			to = strings.TrimPrefix(file, l.base+"/")
		}
		return put(dir, path.Join(l.into, to), data)
	})
}

func put(dir, name string, data []byte) error {
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// missing says how to come by a tool.
func missing(tool, install string) error {
	return fmt.Errorf("%s is not there, it is needed to build this plugin; install it: %s", tool, install)
}

// tool runs a compiler in a folder. What it prints is the error.
func tool(ctx context.Context, dir string, env []string, line ...string) error {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return &toolError{strings.Join(line, " "), strings.TrimSpace(said.String()), err}
	}
	return nil
}

// toolError is what a compiler said.
type toolError struct {
	line, said string
	err        error
}

func (e *toolError) Error() string { return fmt.Sprintf("%s: %v", e.line, e.err) }
func (e *toolError) Unwrap() error { return e.err }

const installGo = "https://go.dev/dl, version 1.24 or later"

func findGo(context.Context) error {
	if _, err := exec.LookPath("go"); err != nil {
		return missing("go", installGo)
	}
	return nil
}

// buildGo takes out of the binary whatever depends on where it was built: the
// same sources have the same digest.
func buildGo(ctx context.Context, dir, raw string) error {
	return tool(ctx, dir, []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"},
		"go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", raw, ".")
}

const (
	wasmTarget  = "wasm32-unknown-unknown"
	installRust = "apt-get install rustc libstd-rust-dev-wasm32 lld (Debian), or rustup target add " + wasmTarget
)

// rustc is the first compiler that has the target: distributions and rustup may
// both have installed one.
func rustc(ctx context.Context) (string, error) {
	for _, name := range []string{"rustc", "/usr/bin/rustc"} {
		out, err := exec.CommandContext(ctx, name, "--print", "sysroot").Output()
		if err == nil && isFolder(filepath.Join(strings.TrimSpace(string(out)), "lib", "rustlib", wasmTarget)) {
			return name, nil
		}
	}
	return "", missing("rustc with the target "+wasmTarget, installRust)
}

func findRust(ctx context.Context) error {
	_, err := rustc(ctx)
	return err
}

var cratePath = regexp.MustCompile(`(?m)^ripen\s*=\s*\{[^}\n]*\bpath\s*=\s*"([^"]+)"`)

// rustSDK is the folder of the crate: the path in Cargo.toml, so that cargo and
// this build take the same one.
func rustSDK(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "Cargo.toml"))
	if found := cratePath.FindSubmatch(text); err == nil && found != nil {
		return string(found[1])
	}
	return "third_party/ripen-rust"
}

func buildRust(ctx context.Context, dir, raw string) error {
	compiler, err := rustc(ctx)
	if err != nil {
		return err
	}
	flags := []string{"--edition", "2021", "--target", wasmTarget, "-C", "opt-level=3", "-C", "panic=abort"}
	lib := filepath.Join(buildFolder, "libripen.rlib")
	err = tool(ctx, dir, nil, slices.Concat([]string{compiler}, flags, []string{"--crate-type", "rlib", "--crate-name", "ripen", "-o", lib, rustSDK(dir) + "/src/lib.rs"})...)
	if err != nil {
		return err
	}
	err = tool(ctx, dir, nil, slices.Concat([]string{compiler}, flags, []string{"-C", "lto", "-C", "strip=symbols", "--crate-type", "cdylib", "--crate-name", "plugin", "--extern", "ripen=" + lib, "-o", raw, "src/lib.rs"})...)
	var said *toolError
	if errors.As(err, &said) && noLinker.MatchString(said.said) {
		return missing("rust-lld, which rustc links with,", "apt-get install lld (Debian)")
	}
	return err
}

// noLinker is what rustc says without one: Debian's package only recommends it.
var noLinker = regexp.MustCompile("linker `[^`]*` not found")

const installNode = "apt-get install nodejs npm (Debian), or https://nodejs.org, version 18 or later"

func findAssemblyScript(context.Context) error {
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			return missing(name, installNode)
		}
	}
	return nil
}

// buildAssemblyScript installs the compiler that package.json names, once.
func buildAssemblyScript(ctx context.Context, dir, raw string) error {
	asc := filepath.Join("node_modules", ".bin", "asc")
	if _, err := os.Stat(filepath.Join(dir, asc)); errors.Is(err, fs.ErrNotExist) {
		if err := tool(ctx, dir, nil, "npm", "install", "--no-audit", "--no-fund"); err != nil {
			return err
		}
	}
	return tool(ctx, dir, nil, "./"+filepath.ToSlash(asc), "assembly/index.ts", "--config", "asconfig.json", "--target", "release", "--outFile", raw)
}

const installC = "apt-get install clang lld (Debian), version 14 or later"

func findC(context.Context) error {
	if _, err := exec.LookPath("clang"); err != nil {
		return missing("clang", installC)
	}
	linkers := []string{"wasm-ld", "wasm-ld-14", "wasm-ld-19", "wasm-ld-18", "wasm-ld-17", "wasm-ld-16", "wasm-ld-15"}
	if !slices.ContainsFunc(linkers, func(name string) bool { _, err := exec.LookPath(name); return err == nil }) {
		return missing("wasm-ld", installC)
	}
	return nil
}

func buildC(ctx context.Context, dir, raw string) error {
	sources, err := filepath.Glob(filepath.Join(dir, "*.c"))
	if err != nil {
		return err
	}
	line := []string{"clang", "--target=wasm32", "-std=c11", "-O2", "-nostdlib", "-Wl,--no-entry", "-Wl,--stack-first", "-Wl,--strip-all", "-I", "third_party/ripen-c", "-o", raw}
	for _, s := range sources {
		if name := filepath.Base(s); !strings.HasSuffix(name, "_test.c") && !strings.HasPrefix(name, "test_") {
			line = append(line, name)
		}
	}
	return tool(ctx, dir, nil, append(line, "third_party/ripen-c/ripen.c")...)
}

// fileTime is what the times of files are compared with.
func fileTime() time.Time { return time.Now() }
