// Package registry finds plugins: the built-in ones and those in the folder
// plugins beside a workflow, by name, with their manifest and digest. It
// reads modules but never runs one.
package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/ripenhq/ripen/engine/registry/builtin"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Folder is the folder beside a workflow that its own plugins lie in.
const Folder = "plugins"

// BuiltIn is the origin of plugins that came with this binary.
const BuiltIn = "built-in"

// ErrUnknown says that there is no plugin of that name.
var ErrUnknown = errors.New("unknown plugin")

// ErrNotBuilt says that this binary was made without its plugins.
var ErrNotBuilt = errors.New("this build has no built-in plugins: run `make plugins` and build again")

// Plugin is one module with what can be known without running it.
type Plugin struct {
	Manifest *abi.Manifest
	Digest   string // sha256 of Wasm, hex: the plugin's identity
	Wasm     []byte
	Origin   string // "built-in", or the file's path
	// Signer is the key that has signed it; nil = nobody. That it is there says
	// nothing of trust.
	Signer pack.PublicKey
}

// Bare is the plugin without its module, for those who have loaded it and ask
// later whether it is still trusted.
func (p *Plugin) Bare() *Plugin {
	b := *p
	b.Wasm = nil
	return &b
}

// Caps are the capabilities that the manifest names.
func (p *Plugin) Caps() uint64 {
	caps, _ := pack.Caps(p.Manifest) // checked by Read
	return caps
}

// Read makes a Plugin of a packed module.
func Read(wasm []byte, origin string) (*Plugin, error) {
	if len(wasm) > abi.MaxModule {
		return nil, fmt.Errorf("%s has %d bytes, a module may have %d", origin, len(wasm), abi.MaxModule)
	}
	m, err := pack.Manifest(wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin, err)
	}
	// Whether anybody trusts who signed it is for those to say who run it; but what
	// is not what was signed is no plugin.
	p := &Plugin{Manifest: m, Digest: Digest(wasm), Wasm: wasm, Origin: origin}
	switch sig, err := pack.Verify(wasm); {
	case err == nil:
		p.Signer = sig.Key
	case !errors.Is(err, pack.ErrUnsigned):
		return nil, fmt.Errorf("%s: plugin %s %s: %w", origin, m.Name, m.Version, err)
	}
	return p, nil
}

// Digest is the identity of a module.
func Digest(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

// Set is a set of plugins by name. It is immutable.
type Set struct {
	byName  map[string]*Plugin
	builtin bool
	broken  map[string]error // files that hold no plugin, by what they are called
	notes   []Note
}

// Note is something about a file beside a workflow that its author should know.
type Note struct{ File, Text string }

// Notes are what Open has noticed, in the order of files.
func (s *Set) Notes() []Note { return s.notes }

// Builtin returns the plugins that came with this binary; ErrNotBuilt when it
// was made without them.
func Builtin() (*Set, error) {
	set, err := load(builtin.Modules, "wasm", BuiltIn)
	if err != nil {
		return nil, err
	}
	if len(set.byName) == 0 {
		return nil, ErrNotBuilt
	}
	set.builtin = true
	return set, nil
}

// Open returns the built-in plugins and those in the folder plugins of a
// workflow, which take precedence. A file there that cannot be read is a note:
// it is an error once a step uses the plugin that it is called after.
func Open(workflow fs.FS) (*Set, error) {
	set, err := load(workflow, Folder, "")
	if err != nil {
		return nil, err
	}
	own := len(set.byName)
	shipped, err := Builtin()
	if errors.Is(err, ErrNotBuilt) && own > 0 {
		return set, nil
	}
	if err != nil {
		return nil, err
	}
	set.builtin = true
	for _, name := range shipped.Names() {
		switch own := set.byName[name]; {
		case own != nil:
			set.notes = append(set.notes, Note{own.Origin, fmt.Sprintf("%s is used instead of the built-in plugin %q.", own.Origin, name)})
		case set.broken[name] == nil:
			set.byName[name] = shipped.byName[name]
		}
	}
	return set, nil
}

// Of is the set of these plugins and no others.
func Of(plugins ...*Plugin) *Set {
	set := &Set{byName: make(map[string]*Plugin, len(plugins)), builtin: true}
	for _, p := range plugins {
		set.byName[p.Manifest.Name] = p
	}
	return set
}

func load(fsys fs.FS, dir, origin string) (*Set, error) {
	set := &Set{byName: map[string]*Plugin{}, broken: map[string]error{}}
	files, err := fs.Glob(fsys, path.Join(dir, "*.wasm"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		from := origin
		if from == "" {
			from = file
		}
		p, err := readPlugin(fsys, file, from)
		if err != nil && origin == "" {
			set.broken[strings.TrimSuffix(path.Base(file), ".wasm")] = err
			set.notes = append(set.notes, Note{file, fmt.Sprintf("%s holds no plugin that can be used: %v.", file, err)})
			continue
		}
		if err != nil {
			return nil, err
		}
		if twin := set.byName[p.Manifest.Name]; twin != nil {
			return nil, fmt.Errorf("%s and %s both hold the plugin %q: remove one", twin.Origin, file, p.Manifest.Name)
		}
		set.byName[p.Manifest.Name] = p
	}
	return set, nil
}

func readPlugin(fsys fs.FS, file, from string) (*Plugin, error) {
	wasm, err := readModule(fsys, file)
	if err != nil {
		return nil, err
	}
	return Read(wasm, from)
}

// readModule reads a file that is no larger than a module may be, and no pipe,
// which would be waited for.
func readModule(fsys fs.FS, file string) ([]byte, error) {
	if link, err := fs.Lstat(fsys, file); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if info, err := fs.Stat(fsys, file); err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is a link to something that cannot be read from the workflow's folder; copy the packed module itself there", file)
		}
	}
	info, err := fs.Stat(fsys, file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: put packed modules there", file)
	case info.Size() > abi.MaxModule:
		return nil, fmt.Errorf("%s has %d bytes, a module may have %d", file, info.Size(), abi.MaxModule)
	}
	return fs.ReadFile(fsys, file)
}

// Names are the names of the plugins, sorted.
func (s *Set) Names() []string {
	names := make([]string, 0, len(s.byName))
	for name := range s.byName {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Lookup finds a plugin by its name.
func (s *Set) Lookup(name string) (*Plugin, error) {
	if p := s.byName[name]; p != nil {
		return p, nil
	}
	if err := s.broken[name]; err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrUnknown, name, err)
	}
	if !s.builtin {
		return nil, fmt.Errorf("%w %q: the workflow's folder has %s. %w", ErrUnknown, name, strings.Join(s.Names(), ", "), ErrNotBuilt)
	}
	return nil, fmt.Errorf("%w %q: there are %s; put other modules into the folder %s beside the workflow", ErrUnknown, name, strings.Join(s.Names(), ", "), Folder)
}
