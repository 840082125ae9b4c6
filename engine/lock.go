package engine

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

// Modules are the plugins that the workflow uses, sorted by name.
func (w *Workflow) Modules() []*registry.Plugin { return w.modules }

// used are the plugins that a workflow names, sorted by name. One that does not
// exist is the definition's mistake and was reported there.
func (w *Workflow) used(set *registry.Set) (list []*registry.Plugin) { return usedPlugins(w.Def, set) }

func usedPlugins(def *workflow.Definition, set *registry.Set) (list []*registry.Plugin) {
	seen := map[string]bool{"": true}
	for i := range def.Steps {
		for _, name := range []string{def.Steps[i].Plugin, def.Steps[i].Fallback} {
			if p, err := set.Lookup(name); err == nil && !seen[name] {
				seen[name] = true
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b *registry.Plugin) int { return strings.Compare(a.Manifest.Name, b.Manifest.Name) })
	return list
}

func pinOf(p *registry.Plugin) release.Pin {
	return release.Pin{Name: p.Manifest.Name, Version: p.Manifest.Version, Digest: p.Digest}
}

func pinsOf(list []*registry.Plugin) []release.Pin {
	pins := make([]release.Pin, len(list))
	for i, p := range list {
		pins[i] = pinOf(p)
	}
	return pins
}

// checkLock compares the plugins of a workflow with its lock file, if it has one.
func (w *Workflow) checkLock(fsys fs.FS, set *registry.Set, dir string) hcl.Diagnostics {
	lock, file, diags := release.ReadLock(fsys, dir)
	if lock != nil {
		var found []release.Found
		for _, p := range w.used(set) {
			found = append(found, release.Found{Pin: pinOf(p), Origin: p.Origin})
		}
		diags = append(diags, lock.Check(found)...)
	}
	if diags.HasErrors() && file != nil {
		// For the snippets; an invalid workflow is compared and compiled by nobody.
		w.Def.Files[diags[0].Subject.Filename] = file
	}
	return diags
}
