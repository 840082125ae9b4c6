package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow"
)

// change is one what-if.
type change struct {
	window    string // "60d", or "off"; empty if it is a threshold
	threshold lead.Points
}

func (c change) String() string {
	if c.window != "" {
		return "window " + c.window
	}
	return "threshold " + c.threshold.String()
}

// readChanges reads --what-if window=30d,off and threshold=40,60.
func readChanges(list []string) (out []change, err error) {
	for _, text := range list {
		name, values, ok := strings.Cut(text, "=")
		if !ok || name != "window" && name != "threshold" {
			return nil, fmt.Errorf("found --what-if %s, expected window=30d,60d,off or threshold=40,60", text)
		}
		for _, v := range strings.Split(values, ",") {
			var c change
			if name == "window" {
				if ms, err := workflow.ParseDuration(v); v != "off" && (err != nil || ms <= 0) {
					return nil, fmt.Errorf("found --what-if window=%s, expected an age such as 60d, or off", v)
				}
				c.window = v
			} else if c.threshold, err = lead.ParsePoints(v); err != nil {
				return nil, fmt.Errorf("--what-if threshold: %w", err)
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// whatIfs scores the leads again under each change.
func (b *backtesting) whatIfs(ctx context.Context, w *engine.Workflow, g *backtest.Gatherer, r *backtest.Report) error {
	if len(b.changes) == 0 {
		return nil
	}
	r.WhatIfs = []backtest.WhatIf{g.Compare("as it is", g)}
	for _, c := range b.changes {
		x, err := b.whatIf(ctx, w, g, c)
		if err != nil {
			return err
		}
		r.WhatIfs = append(r.WhatIfs, x)
	}
	return nil
}

func (b *backtesting) whatIf(ctx context.Context, w *engine.Workflow, g *backtest.Gatherer, c change) (x backtest.WhatIf, err error) {
	dir, err := os.MkdirTemp("", "ripen-what-if-")
	if err != nil {
		return x, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := copyWorkflow(dir, b.dir); err != nil {
		return x, fmt.Errorf("--what-if: %w", err)
	}
	if err := c.apply(dir, w, w.Model.Book.Scores[b.opts.Score].Name); err != nil {
		return x, fmt.Errorf("--what-if %s: %w", c, err)
	}
	changed, diags, err := b.app.read(ctx, dir, b.cache)
	defer changed.Close()
	if err == nil && diags.HasErrors() {
		if err = b.app.diagnose(changed.Def.Files, diags); err == nil {
			err = no("--what-if %s: the changed workflow is not valid: %s", c, countDiags(diags))
		}
	}
	if err != nil {
		return x, err
	}
	opts := b.opts
	opts.Facts = false
	again, done, err := b.pass(ctx, changed, opts)
	if err != nil {
		return x, err
	}
	defer done()
	return g.Compare(c.String(), again), nil
}

// apply changes the workflow files in a folder.
func (c change) apply(dir string, w *engine.Workflow, score string) error {
	changed := 0
	names, err := workflowFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		n := 0
		if c.window != "" {
			src, n, err = backtest.SetWindow(src, c.window)
		} else {
			src, n, err = backtest.SetThreshold(src, w.Model.Policy.Sales, score, c.threshold)
		}
		if err != nil {
			return err
		}
		if changed += n; n > 0 {
			if err := os.WriteFile(name, src, 0o600); err != nil {
				return err
			}
		}
	}
	switch {
	case changed > 0:
		return nil
	case c.window == "off":
		return nil // nothing fades as it is
	case c.window != "":
		return fmt.Errorf("no decay step of the workflow has a window to change; add a decay step first")
	}
	return fmt.Errorf("no route to sales compares %q with a number (%s >= …)", score, score)
}

func workflowFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() && workflow.IsWorkflowFile(e.Name()) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, err
}

// copyWorkflow copies what a workflow can consist of: its files, its tables and
// its own plugins.
func copyWorkflow(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxCopy {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o600)
	})
}

// maxCopy is the size from which on a file in the folder is no part of the
// workflow but data that lies there.
const maxCopy = 64 << 20
