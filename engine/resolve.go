package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

// Modules finds plugins that are not in a folder, such as those of the releases
// of a running engine.
type Modules interface {
	// Module is the plugin of that digest; release.ErrNoPlugin if it is not there.
	Module(ctx context.Context, digest string) ([]byte, error)
}

// ResolveOptions say how the plugins of a workflow are found and pinned.
type ResolveOptions struct {
	Dir     string
	Upgrade bool    // what differs from its pin is pinned anew
	Modules Modules // asked for pinned plugins that are not there; nil = nobody
	// Trust says whether a plugin may be run, before it is pinned or fetched: an
	// error leaves all as it is. nil = all are.
	Trust func(*registry.Plugin) error
}

// PinChange says what becomes of one plugin's pin.
type PinChange struct {
	Plugin string
	Change string // PinNew, PinKept, PinUpgraded, PinDropped, PinDiffers or PinFetched
	Was    *release.Pin
	Is     *release.Pin
	Origin string // where the plugin lies: "built-in", or its file
}

// What becomes of a pin.
const (
	PinNew      = "new"
	PinKept     = "kept"
	PinFetched  = "fetched"  // kept, and the module was fetched
	PinUpgraded = "upgraded" // it differed from its pin
	PinDropped  = "dropped"  // the workflow uses it no more
	PinDiffers  = "differs"  // it differs from its pin, which stays
)

// Resolved is the outcome of Resolve.
type Resolved struct {
	Def     *workflow.Definition
	Changes []PinChange // by name
	Written bool        // the lock file is new or another one
	Differs bool        // plugins differ from their pins: nothing was written
}

// Resolve finds the plugins of the workflow in a folder and pins them in its
// lock file. A pin that does not hold is kept unless an upgrade is asked for.
func Resolve(ctx context.Context, o ResolveOptions) (*Resolved, hcl.Diagnostics, error) {
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("workflow folder %s: %w", o.Dir, err)
	}
	defer func() { _ = root.Close() }()
	old, file, diags := release.ReadLock(root.FS(), o.Dir)
	if diags.HasErrors() && !o.Upgrade {
		return &Resolved{Def: lockOnly(diags, file)}, diags, nil
	}
	fetched := map[string]bool{}
	if old != nil && !o.Upgrade && o.Modules != nil {
		if fetched, err = fetchPinned(ctx, root.FS(), &o, old); err != nil {
			return nil, nil, err
		}
	}
	set, err := registry.Open(root.FS())
	if err != nil {
		return nil, nil, err
	}
	def, diags, err := define(o.Dir, root.FS(), set)
	if err != nil || diags.HasErrors() {
		return &Resolved{Def: def}, append(diags, noted(set, o.Dir)...), err
	}
	r := &Resolved{Def: def}
	used := usedPlugins(def, set)
	if err := (&Workflow{modules: used}).refused(o.Trust); err != nil {
		return nil, nil, err
	}
	lock := r.compare(old, used, fetched, o.Upgrade)
	if r.Differs {
		return r, diags, nil
	}
	r.Written, err = writeLock(o.Dir, lock.Render())
	return r, diags, err
}

// lockOnly is what people see of a lock file that cannot be read.
func lockOnly(diags hcl.Diagnostics, file *hcl.File) *workflow.Definition {
	def := &workflow.Definition{Files: map[string]*hcl.File{}}
	if file != nil {
		def.Files[diags[0].Subject.Filename] = file
	}
	return def
}

// compare makes the new lock and says what changed.
func (r *Resolved) compare(old *release.Lock, used []*registry.Plugin, fetched map[string]bool, upgrade bool) *release.Lock {
	if old == nil {
		old = &release.Lock{}
	}
	pins := make([]release.Pin, 0, len(used))
	seen := map[string]bool{}
	for _, p := range used {
		is := pinOf(p)
		c := PinChange{Plugin: is.Name, Is: &is, Was: old.Pin(is.Name), Origin: p.Origin}
		switch {
		case c.Was == nil:
			c.Change = PinNew
		case c.Was.Digest == is.Digest && fetched[is.Digest]:
			c.Change = PinFetched
		case c.Was.Digest == is.Digest:
			c.Change = PinKept
		case upgrade:
			c.Change = PinUpgraded
		default:
			c.Change, r.Differs = PinDiffers, true
		}
		seen[is.Name] = true
		r.Changes = append(r.Changes, c)
		pins = append(pins, is)
	}
	for i := range old.Pins {
		if p := &old.Pins[i]; !seen[p.Name] {
			r.Changes = append(r.Changes, PinChange{Plugin: p.Name, Change: PinDropped, Was: p})
		}
	}
	return release.NewLock(pins)
}

// fetchPinned puts pinned plugins that are not there into the folder plugins.
// One that lies there under the plugin's name is left alone.
func fetchPinned(ctx context.Context, fsys fs.FS, o *ResolveOptions, lock *release.Lock) (map[string]bool, error) {
	fetched := map[string]bool{}
	set, err := registry.Open(fsys)
	if err != nil {
		return nil, err
	}
	for i := range lock.Pins {
		pin := &lock.Pins[i]
		if p, err := set.Lookup(pin.Name); err == nil && (p.Digest == pin.Digest || p.Origin != registry.BuiltIn) {
			continue
		}
		wasm, err := o.Modules.Module(ctx, pin.Digest)
		if errors.Is(err, release.ErrNoPlugin) {
			continue // what is missing is said when all are compared
		}
		if err != nil {
			return nil, err
		}
		if err := keepModule(o, pin, wasm); err != nil {
			return nil, err
		}
		fetched[pin.Digest] = true
	}
	return fetched, nil
}

func keepModule(o *ResolveOptions, pin *release.Pin, wasm []byte) error {
	p, err := registry.Read(wasm, "fetched module")
	if err != nil || p.Digest != pin.Digest || p.Manifest.Name != pin.Name {
		return fmt.Errorf("the plugin %q of digest sha256:%s was fetched and is another one; run ripen init --upgrade to pin what is there", pin.Name, pin.Digest)
	}
	if o.Trust != nil {
		if err := o.Trust(p); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, registry.Folder), 0o755); err != nil { //nolint:gosec // a folder of a project, not of secrets
		return err
	}
	return replaceFile(filepath.Join(o.Dir, registry.Folder, pin.Name+".wasm"), wasm)
}

// writeLock writes the lock file if it would be another one.
func writeLock(dir string, text []byte) (written bool, err error) {
	name := filepath.Join(dir, release.LockFile)
	if have, err := os.ReadFile(name); err == nil && bytes.Equal(have, text) {
		return false, nil
	}
	return true, replaceFile(name, text)
}

// replaceFile writes a file that is complete under its name or not there.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".ripen-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
