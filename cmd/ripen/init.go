package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/workflows"
)

type initFlags struct {
	upgrade bool
	from    string
	json    bool
}

// pinJSON is what became of one plugin's pin, for scripts.
type pinJSON struct {
	Plugin  string `json:"plugin"`
	Change  string `json:"change"`
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Was     string `json:"was,omitempty"` // the digest that was pinned, if another one
	Origin  string `json:"origin,omitempty"`
}

func (a *app) initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init [flags] [DIR]",
		Short: "Find the plugins of a workflow and pin them in " + release.LockFile,
		Long: `Finds the plugins that the workflow in a folder uses, in the folder plugins
beside it and among the built-in ones, and pins their versions and digests in
` + release.LockFile + `. From then on a plugin of another digest is refused wherever the
workflow is loaded; --upgrade accepts it. Pins of plugins that the workflow uses
no more are dropped. A folder without the file works as before, unpinned.

Pinned modules that are not there are fetched from the releases of a running
engine, if --data or --nats names one. A plugin that ripen run would refuse is
neither pinned nor fetched: see ripen plugin trust.

--from copies a starter model into a folder that is empty or not there yet:
` + wrapped(starters()) + `

Exit code 0 if all plugins are pinned, 1 if one differs from its pin.`,
		Example: `  ripen init mine --from hundred-point
  ripen init
  ripen init --upgrade . && git diff ` + release.LockFile,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.init(cmd, &f, list) },
	}
	bindSettings(cmd, serverKeys("workflow", "data", "allow_unsigned")...)
	fl := cmd.Flags()
	fl.BoolVar(&f.upgrade, "upgrade", false, "pin what is there, also where it differs from its pin")
	fl.StringVar(&f.from, "from", "", "copy this starter model into the folder first")
	fl.BoolVar(&f.json, "json", false, "print one JSON object per plugin")
	return cmd
}

// starters are the names of the models that come along.
func starters() (names []string) {
	entries, _ := fs.ReadDir(workflows.FS, ".")
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// wrapped lists names in lines of at most 78 columns.
func wrapped(names []string) string {
	var b strings.Builder
	line := " "
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if len(line)+1+len(name) > 78 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + name
	}
	return b.String() + line
}

func (a *app) init(cmd *cobra.Command, f *initFlags, list []string) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	dir := c.text("workflow")
	if len(list) > 0 {
		dir = list[0]
	}
	if f.from != "" {
		if err := copyStarter(f.from, dir); err != nil {
			return err
		}
		if !f.json {
			a.say("copied the starter model %s into %s", f.from, dir)
		}
	}
	policy, err := c.trust()
	if err != nil {
		return err
	}
	o := engine.ResolveOptions{Dir: dir, Upgrade: f.upgrade, Trust: strict(policy)}
	store, err := a.modules(cmd.Context(), cmd, c)
	if err != nil {
		return err
	}
	if store != nil {
		defer store.Close()
		o.Modules = store
	}
	r, diags, err := engine.Resolve(cmd.Context(), o)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("workflow folder %s: there is no such folder; copy a starter model into it with --from, such as --from hundred-point", dir)
	}
	if err != nil {
		return err
	}
	if len(diags) > 0 {
		if err := a.diagnose(r.Def.Files, diags); err != nil {
			return err
		}
	}
	if diags.HasErrors() {
		return no("workflow %s cannot be pinned: %s", dir, countDiags(diags))
	}
	return a.printPins(f, dir, r)
}

// modules is where pinned plugins may be fetched, if the command names an
// engine; nil if it does not.
func (a *app) modules(ctx context.Context, cmd *cobra.Command, c *config) (*engine.Operator, error) {
	if c.text("nats") == "" && !cmd.Flags().Changed("data") {
		return nil, nil
	}
	o := c.engineOptions(nil, a.logger(c))
	if err := needData(&o); err != nil {
		return nil, err
	}
	return engine.Operate(ctx, o)
}

// copyStarter fills an empty folder.
func copyStarter(name, dir string) error {
	if !slices.Contains(starters(), name) {
		return fmt.Errorf("there is no starter model %q; there are %s", name, strings.Join(starters(), ", "))
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty (it holds %s); name an empty or a new one", dir, entries[0].Name())
	}
	files, err := fs.Sub(workflows.FS, name)
	if err != nil {
		return err
	}
	return os.CopyFS(dir, files)
}

func (a *app) printPins(f *initFlags, dir string, r *engine.Resolved) error {
	enc := json.NewEncoder(a.stdout)
	for i := range r.Changes {
		c := &r.Changes[i]
		if !f.json {
			for _, line := range pinLines(c) {
				a.say("%s", clean(line))
			}
			continue
		}
		if err := enc.Encode(pinRecord(c)); err != nil {
			return err
		}
	}
	switch {
	case r.Differs:
		return no("%s is left as it is: plugins differ from their pins; put the pinned modules into %s, or accept what is there with ripen init --upgrade",
			filepath.Join(dir, release.LockFile), filepath.Join(dir, "plugins"))
	case f.json:
	case r.Written:
		a.say("%s written; keep it under version control", filepath.Join(dir, release.LockFile))
	default:
		a.say("%s is up to date", filepath.Join(dir, release.LockFile))
	}
	return nil
}

func pinRecord(c *engine.PinChange) pinJSON {
	out := pinJSON{Plugin: c.Plugin, Change: c.Change, Origin: c.Origin}
	if c.Is != nil {
		out.Version, out.Digest = c.Is.Version, "sha256:"+c.Is.Digest
	}
	if c.Was != nil && (c.Is == nil || c.Was.Digest != c.Is.Digest) {
		out.Was = "sha256:" + c.Was.Digest
	}
	return out
}

// pinLines describe what became of a pin.
func pinLines(c *engine.PinChange) []string {
	const width = 16 // of a digest, for people
	switch c.Change {
	case engine.PinDropped:
		return []string{fmt.Sprintf("- %-18s %s is used no more", c.Plugin, c.Was.Version)}
	case engine.PinUpgraded:
		return []string{fmt.Sprintf("~ %-18s %s → %s  sha256:%s… → sha256:%s…  (%s)", c.Plugin, c.Was.Version, c.Is.Version, c.Was.Digest[:width], c.Is.Digest[:width], c.Origin)}
	case engine.PinDiffers:
		return []string{
			fmt.Sprintf("! %-18s differs from its pin", c.Plugin),
			fmt.Sprintf("    expected %s  sha256:%s", c.Was.Version, c.Was.Digest),
			fmt.Sprintf("    found    %s  sha256:%s  (%s)", c.Is.Version, c.Is.Digest, c.Origin),
		}
	}
	sign := map[string]string{engine.PinNew: "+", engine.PinFetched: "↓"}[c.Change]
	if sign == "" {
		sign = "="
	}
	return []string{fmt.Sprintf("%s %-18s %s  sha256:%s…  (%s)", sign, c.Plugin, c.Is.Version, c.Is.Digest[:width], c.Origin)}
}
