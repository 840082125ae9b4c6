// Command mkplugins builds plugins written in Go and packs each with its
// manifest:
//
//	go run ./engine/internal/mkplugins [-embed folder] [-cache folder] -out folder plugins/*
//
// It needs the Go toolchain, nothing else. With a cache it also compiles them to
// machine code, which tests with the race detector would do ten times slower.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/wasm"
)

func main() {
	out := flag.String("out", "build/plugins", "folder for the packed modules")
	embed := flag.String("embed", "", "second folder that gets a copy")
	cache := flag.String("cache", "", "folder in which the tests look for compiled modules")
	flag.Parse()
	err := run(*out, *embed, flag.Args())
	if err == nil && *cache != "" {
		err = compile(*cache, *out, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mkplugins:", err)
		os.Exit(1)
	}
}

func run(out, embed string, dirs []string) error {
	if len(dirs) == 0 {
		return errors.New("no plugin folders given")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, dir := range dirs {
		module, name, err := build(out, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		for _, folder := range []string{out, embed} {
			if folder == "" {
				continue
			}
			if err := write(filepath.Join(folder, name+".wasm"), module); err != nil {
				return err
			}
		}
		fmt.Printf("%-20s %5d KiB\n", name, len(module)>>10)
	}
	return nil
}

// build compiles one folder. -trimpath and -buildvcs=false keep the digest the
// same wherever and whenever it is built from the same source.
func build(out, dir string) (module []byte, name string, err error) {
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, "", err
	}
	m, err := pack.ParseManifest(manifest)
	if err != nil {
		return nil, "", err
	}
	raw := filepath.Join(out, m.Name+".raw")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", raw, "./"+filepath.ToSlash(filepath.Clean(dir)))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, "", fmt.Errorf("go build: %w", err)
	}
	defer os.Remove(raw)
	if module, err = os.ReadFile(raw); err != nil {
		return nil, "", err
	}
	if module, err = pack.Pack(module, manifest); err != nil {
		return nil, "", err
	}
	return module, m.Name, nil
}

// compile puts the machine code of what was built into a cache.
func compile(cache, out string, dirs []string) error {
	host, err := wasm.NewHost(wasm.Options{CacheDir: cache, Quiet: true})
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		module, err := os.ReadFile(filepath.Join(out, filepath.Base(dir)+".wasm"))
		if err != nil {
			return err
		}
		p, err := host.Load(context.Background(), module)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		if err := p.Close(); err != nil {
			return err
		}
	}
	return host.Close()
}

// write replaces a file only when its bytes change, so that a build after it
// does not link again for nothing.
func write(file string, data []byte) error {
	if old, err := os.ReadFile(file); err == nil && string(old) == string(data) {
		return nil
	}
	temp := file + ".new"
	if err := os.WriteFile(temp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, file)
}
