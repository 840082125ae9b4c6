package engine

import (
	"context"
	"os"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/model"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/wasm"
)

// Shelf holds compiled plugins that many workflows of one test share: loading
// them is most of what loading a small workflow costs.
type Shelf struct {
	dir     string
	set     *registry.Set
	host    *wasm.Host
	plugins map[string]*wasm.Plugin
}

// NewShelf opens the plugins that a workflow in dir could use.
func NewShelf(dir, cacheDir string) (*Shelf, error) {
	set, err := registry.Open(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	host, err := wasm.NewHost(wasm.Options{CacheDir: cacheDir, Quiet: true})
	return &Shelf{dir: dir, set: set, host: host, plugins: map[string]*wasm.Plugin{}}, err
}

// Load is engine.Load with the shelf's plugins. The workflow needs no Close.
func (s *Shelf) Load(ctx context.Context, dir string) (*Workflow, hcl.Diagnostics, error) {
	def, diags, err := define(dir, os.DirFS(dir), s.set)
	w := &Workflow{Def: def, host: s.host, plugins: s.plugins}
	if err != nil || diags.HasErrors() {
		return w, diags, err
	}
	if err := w.loadPlugins(ctx, s.set); err != nil {
		return w, diags, err
	}
	m, more := model.Compile(def, w.compilers(ctx))
	w.Model = m
	return w, append(diags, more...), nil
}

// Close releases the plugins.
func (s *Shelf) Close() { (&Workflow{host: s.host, plugins: s.plugins}).Close() }
