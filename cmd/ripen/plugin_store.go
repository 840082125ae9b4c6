package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/trust"
	"github.com/ripenhq/ripen/engine/release"
)

func joined(list []string) string { return strings.Join(list, " ") }

func (a *app) pluginPushCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "push MODULE",
		Short: "Put a plugin into the store of a running engine",
		Long: `Stores a module on the server of an engine under its digest. Workflows that pin it
in ripen.lock.hcl get it from there with ripen init. Whether an engine runs it is
decided when a release that uses it is loaded: see ripen plugin trust.`,
		Example: `  ripen plugin push build/quote-size.wasm --nats nats://nats.internal:4222`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			module, err := readModule(list[0])
			if err != nil {
				return err
			}
			p, err := registry.Read(module, list[0])
			if err != nil {
				return err
			}
			op, err := a.operate(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			defer op.Close()
			there, err := op.Store().PutModule(cmd.Context(), p)
			if err != nil {
				return err
			}
			verb := "pushed"
			if there {
				verb = "it is there already:"
			}
			return a.sayModule(verb, list[0], module, asJSON)
		},
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: name, version, file, size, digest, key")
	return cmd
}

// listedPlugin is a plugin as scripts read it.
type listedPlugin struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Digest   string `json:"digest"`
	Size     int    `json:"size"`
	From     string `json:"from"` // built-in, a file, or release store
	Standing string `json:"standing"`
	Trusted  bool   `json:"trusted"`
	Why      string `json:"why,omitempty"`
	// Runs are the releases that run with it now, such as "quotes 3 (live)".
	Runs []string `json:"runs,omitempty"`
}

// runningRelease is a release that engines run now, with its plugins.
type runningRelease struct {
	title   string // workflow, number and role
	name    string // the same in a sentence
	plugins []release.Pin
}

// runningReleases are those that the engines of a server run.
func runningReleases(ctx context.Context, op *engine.Operator) (list []runningRelease, err error) {
	status, err := runs(ctx, op)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range status {
		s := &status[i]
		r := runningRelease{title: fmt.Sprintf("%s %d (%s)", s.Workflow, s.Release, s.Role), name: fmt.Sprintf("%s release %d (%s)", s.Workflow, s.Release, s.Role)}
		if seen[r.title] {
			continue
		}
		seen[r.title] = true
		b, err := op.Store().Bundle(ctx, s.Digest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.title, err)
		}
		r.plugins = b.Plugins()
		list = append(list, r)
	}
	return list, nil
}

// runsWith are the titles of the releases that use the plugin of a digest.
func runsWith(list []runningRelease, digest string) (titles []string) {
	for _, r := range list {
		if slices.ContainsFunc(r.plugins, func(p release.Pin) bool { return p.Digest == digest }) {
			titles = append(titles, r.title)
		}
	}
	return titles
}

func (a *app) pluginListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List plugins: those of a workflow, or those in the store of an engine",
		Long: `Lists the plugins that a workflow can use, the built-in ones and those in the folder
plugins beside it, with who signed each and whether ripen run takes it. With
--nats or --data it lists those in the store of that engine.`,
		Example: `  ripen plugin list -w my-workflow
  ripen plugin list --nats nats://nats.internal:4222 --json | jq -r 'select(.trusted | not) | .name'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.pluginList(cmd, asJSON) },
	}
	bindSettings(cmd, serverKeys("workflow", "data", "log_level", "log_json", "allow_unsigned")...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per plugin")
	return cmd
}

func (a *app) pluginList(cmd *cobra.Command, asJSON bool) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	plugins, now, notes, err := a.listed(cmd, c)
	if err != nil {
		return err
	}
	policy, err := c.trust()
	if err != nil {
		return err
	}
	rows := [][]string{{"plugin", "version", "digest", "KiB", "from", "signature", "trusted", "runs in"}}
	for _, p := range plugins {
		l := listOne(policy, p)
		l.Runs = runsWith(now, p.Digest)
		if asJSON {
			if err := json.NewEncoder(a.stdout).Encode(l); err != nil {
				return err
			}
			continue
		}
		word := "yes"
		if !l.Trusted {
			word = "no"
		}
		rows = append(rows, []string{l.Name, l.Version, p.Digest[:12], thousands(l.Size >> 10), l.From, l.Standing, word, strings.Join(l.Runs, ", ")})
	}
	if !asJSON {
		a.printTable(rows, map[int]bool{3: true})
	}
	for _, n := range notes {
		a.note("%s", clean(n))
	}
	return nil
}

func listOne(policy *trust.Policy, p *registry.Plugin) *listedPlugin {
	standing, why := policy.Check(p)
	l := &listedPlugin{Name: p.Manifest.Name, Version: p.Manifest.Version, Digest: "sha256:" + p.Digest, Size: len(p.Wasm), From: p.Origin, Standing: standing.String(), Trusted: why == nil}
	if why != nil {
		l.Why = why.Error()
	}
	return l
}

// listed are the plugins of a workflow, or of the engine that is named.
func (a *app) listed(cmd *cobra.Command, c *config) (list []*registry.Plugin, now []runningRelease, notes []string, err error) {
	store, err := a.modules(cmd.Context(), cmd, c)
	if err != nil {
		return nil, nil, nil, err
	}
	if store != nil {
		defer store.Close()
		list, bad, err := store.Store().Modules(cmd.Context())
		if err != nil {
			return nil, nil, nil, err
		}
		for _, b := range bad {
			notes = append(notes, b.Error())
		}
		now, err := runningReleases(cmd.Context(), store)
		return list, now, notes, err
	}
	list, notes, err = listFolder(c.text("workflow"))
	return list, nil, notes, err
}

// listFolder are the plugins that a workflow in a folder can use.
func listFolder(dir string) (list []*registry.Plugin, notes []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, noFolder(dir, err)
	}
	defer func() { _ = root.Close() }()
	set, err := registry.Open(root.FS())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, p)
	}
	for _, n := range set.Notes() {
		notes = append(notes, n.Text)
	}
	return list, notes, nil
}
