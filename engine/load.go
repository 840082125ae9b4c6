package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// LoadOptions say how a workflow is loaded.
type LoadOptions struct {
	Dir      string // folder of the workflow
	CacheDir string // compiled plugins are kept here; empty = nowhere
	Logger   hclog.Logger
	Quiet    bool // what plugins print is dropped
	// Progress is called around each compilation of a plugin.
	Progress func(wasm.Progress)
	// Trust says whether a plugin may be run, before it is: an error refuses the
	// workflow. nil = all are.
	Trust func(*registry.Plugin) error

	host *wasm.Host // shared with others, nil = one of its own
}

// Workflow is a loaded workflow: its definition, its compiled model and its
// plugins. It is safe for concurrent use; the cores made from it are not.
type Workflow struct {
	Def   *workflow.Definition
	Model *model.Model
	// Bundle is what a release of it consists of; nil if it is not valid.
	Bundle *release.Bundle

	modules []*registry.Plugin // that it uses, by name
	host    *wasm.Host
	ownHost bool // host is closed with it
	plugins map[string]*wasm.Plugin
	close   sync.Once
}

// Load reads, checks and compiles the workflow in a folder. Mistakes of its
// author are diagnostics, all of them; the error is for everything else. With
// errors among the diagnostics the workflow holds only the definition. Close
// it in any case.
//
// With a lock file in the folder a plugin that is not the pinned one is such a
// mistake.
func Load(ctx context.Context, o LoadOptions) (*Workflow, hcl.Diagnostics, error) {
	fsys, set, done, err := openFolder(o.Dir)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	w, diags, err := load(ctx, fsys, set, &o)
	return w, append(diags, noted(set, o.Dir)...), err
}

// openFolder opens a workflow's folder, which nothing leads out of, and finds
// the plugins there are for it.
func openFolder(dir string) (fsys fs.FS, set *registry.Set, done func(), err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("workflow folder %s: %w", dir, err)
	}
	if set, err = registry.Open(root.FS()); err != nil {
		return nil, nil, nil, errors.Join(err, root.Close())
	}
	return root.FS(), set, func() { _ = root.Close() }, nil
}

// noted are the notes about plugins beside a workflow, as warnings.
func noted(set *registry.Set, dir string) (diags hcl.Diagnostics) {
	for _, n := range set.Notes() {
		at := hcl.Pos{Line: 1, Column: 1}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Plugin beside the workflow", Detail: n.Text,
			Subject: &hcl.Range{Filename: filepath.Join(dir, filepath.FromSlash(n.File)), Start: at, End: at}})
	}
	return diags
}

// LoadBundle is Load for a release: its files, and its plugins by digest. What
// o.Dir names stands in front of file names for people, such as "release 12".
func LoadBundle(ctx context.Context, b *release.Bundle, plugins []*registry.Plugin, o LoadOptions) (*Workflow, hcl.Diagnostics, error) {
	return load(ctx, b.FS(), registry.Of(plugins...), &o)
}

func load(ctx context.Context, fsys fs.FS, set *registry.Set, o *LoadOptions) (*Workflow, hcl.Diagnostics, error) {
	def, diags, err := define(o.Dir, fsys, set)
	w := &Workflow{Def: def, plugins: make(map[string]*wasm.Plugin)}
	if err != nil || diags.HasErrors() {
		return w, diags, err
	}
	if more := w.checkLock(fsys, set, o.Dir); more.HasErrors() {
		return w, append(diags, more...), nil
	}
	if w.Bundle, err = release.Gather(fsys, o.Dir, def, pinsOf(w.used(set))); err != nil {
		return w, diags, fmt.Errorf("workflow folder %s: %w", o.Dir, err)
	}
	w.modules = w.used(set)
	if err := w.refused(o.Trust); err != nil {
		return w, diags, err
	}
	if w.host = o.host; w.host == nil {
		w.host, err = wasm.NewHost(wasm.Options{CacheDir: o.CacheDir, Log: o.Logger, Quiet: o.Quiet, Progress: o.Progress})
		if err != nil {
			return w, diags, err
		}
		w.ownHost = true
	}
	if err := w.loadPlugins(ctx, set); err != nil {
		return w, diags, err
	}
	m, more := model.Compile(def, w.compilers(ctx))
	diags = append(diags, more...)
	if m == nil || diags.HasErrors() {
		return w, diags, nil
	}
	w.Model = m
	more, err = w.lintGoldens(ctx)
	return w, append(diags, more...), err
}

// define reads the workflow's files against the schemas of the plugins.
func define(dir string, fsys fs.FS, set *registry.Set) (*workflow.Definition, hcl.Diagnostics, error) {
	schemas, bad := make(map[string]*workflow.Schema), make(map[string]error)
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		if err != nil {
			return nil, nil, err
		}
		if schemas[name], err = workflow.CompileSchema(name, p.Manifest.Schema); err != nil {
			bad[name] = fmt.Errorf("plugin %s (%s): schema of its block: %w", name, p.Origin, err)
		}
	}
	def, diags := workflow.Load(fsys, workflow.Options{
		Schema:  func(plugin string) (*workflow.Schema, bool) { s, ok := schemas[plugin]; return s, ok && s != nil },
		Plugins: set.Names(), Dir: dir,
	})
	for i := range def.Steps { // what nobody uses is in nobody's way
		for _, name := range []string{def.Steps[i].Plugin, def.Steps[i].Fallback} {
			if bad[name] != nil {
				return nil, nil, bad[name]
			}
		}
	}
	return def, diags, nil
}

// loadPlugins compiles the plugins that the workflow uses and does not have yet.
func (w *Workflow) loadPlugins(ctx context.Context, set *registry.Set) error {
	w.modules = w.used(set)
	for _, p := range w.modules {
		if have := w.plugins[p.Manifest.Name]; have != nil && have.Digest() == p.Digest {
			continue
		}
		compiled, err := w.host.Load(ctx, p.Wasm)
		if err != nil {
			return fmt.Errorf("plugin %s (%s): %w", p.Manifest.Name, p.Origin, err)
		}
		w.plugins[p.Manifest.Name] = compiled
	}
	return nil
}

// compilers are the plugins as the model's compiler asks them.
func (w *Workflow) compilers(ctx context.Context) map[string]model.Plugin {
	out := make(map[string]model.Plugin, len(w.plugins))
	for name, p := range w.plugins {
		out[name] = compiler{ctx, p}
	}
	return out
}

type compiler struct {
	ctx context.Context
	p   *wasm.Plugin
}

func (c compiler) Info() model.PluginInfo {
	d := c.p.Descriptor()
	return model.PluginInfo{Manifest: *c.p.Manifest(), Digest: c.p.Digest(), Caps: d.Caps, StateMax: int(d.StateMax), StateVersion: d.StateVersion}
}

func (c compiler) Configure(config []byte) (*abi.Needs, error) {
	return c.p.Configure(c.ctx, config)
}

// Book is the chart that accounts are kept by.
func (w *Workflow) Book() *ledger.Book { return w.Model.Book }

// Crew is one set of scorers: what one core runs.
type Crew struct {
	core.Program
}

// NewCrew makes the scorers of one core.
func (w *Workflow) NewCrew(ctx context.Context) (*Crew, error) {
	c := &Crew{core.Program{Book: w.Model.Book, Steps: w.Model.Steps, Policy: w.Model.Policy,
		Scorers: make([]step.Scorer, len(w.Model.Steps)), Backups: make([]step.Scorer, len(w.Model.Steps))}}
	for i, spec := range w.Model.Steps {
		s, err := w.plugins[spec.Plugin].NewScorer(ctx, spec)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("step %q: %w", spec.Name, err)
		}
		c.Scorers[i] = s
		if spec.Fallback == nil {
			continue
		}
		if s, err = w.plugins[spec.Fallback.Plugin].NewScorer(ctx, spec.Fallback); err != nil {
			c.Close()
			return nil, fmt.Errorf("fallback of step %q: %w", spec.Name, err)
		}
		c.Backups[i] = s
	}
	return c, nil
}

// Close closes the scorers.
func (c *Crew) Close() {
	for _, list := range [][]step.Scorer{c.Scorers, c.Backups} {
		for _, s := range list {
			if s != nil {
				_ = s.Close()
			}
		}
	}
}

// Stats counts what each plugin did, by name.
func (w *Workflow) Stats() map[string]wasm.Stats {
	out := make(map[string]wasm.Stats, len(w.plugins))
	for name, p := range w.plugins {
		out[name] = p.Stats()
	}
	return out
}

// Close releases the plugins once their scorers are closed too.
func (w *Workflow) Close() {
	if w == nil {
		return
	}
	w.close.Do(func() {
		for _, p := range w.plugins {
			_ = p.Close()
		}
		if w.ownHost {
			_ = w.host.Close()
		}
	})
}
