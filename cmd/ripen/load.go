package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/replay"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/workflow"
)

// load reads and compiles a workflow and prints what its author got wrong. An
// invalid workflow is the answer "no".
func (a *app) load(ctx context.Context, dir, cache string) (*engine.Workflow, error) {
	w, diags, err := a.read(ctx, dir, cache)
	if err == nil && len(diags) > 0 {
		err = a.diagnose(w.Def.Files, diags)
	}
	if err == nil && diags.HasErrors() {
		err = no("workflow %s is not valid: %s", dir, countDiags(diags))
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// read reads and compiles a workflow.
func (a *app) read(ctx context.Context, dir, cache string) (*engine.Workflow, hcl.Diagnostics, error) {
	w, diags, err := engine.Load(ctx, engine.LoadOptions{Dir: dir, CacheDir: cache, Quiet: true, Progress: a.compiling(), Trust: a.trust})
	return w, diags, noFolder(dir, err)
}

// noFolder says what to do about a folder that is not there.
func noFolder(dir string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("workflow folder %s: there is no such folder; name one with -w, or run `ripen demo`", dir)
	}
	return err
}

// compiling shows on a terminal that plugins are being compiled.
func (a *app) compiling() func(wasm.Progress) {
	if !isLive(a.err) {
		return nil
	}
	return func(p wasm.Progress) {
		if p.Done {
			_, _ = fmt.Fprint(a.err, "\r\x1b[K")
			return
		}
		_, _ = fmt.Fprintf(a.err, "\r\x1b[Kcompiling plugin %s (once; kept for the next time) …", p.Plugin)
	}
}

// diagnose prints diagnostics with the lines that they are about.
func (a *app) diagnose(files map[string]*hcl.File, diags hcl.Diagnostics) error {
	return workflow.WriteDiagnostics(a.err, files, diags, width(a.err), colors(a.err))
}

// explain prints the diagnostics that an error consists of; what is left to
// say is one line.
func (a *app) explain(err error) error {
	var d *diagnosed
	if !errors.As(err, &d) {
		return err
	}
	if werr := a.diagnose(d.files, d.diags); werr != nil {
		return werr
	}
	return &answer{exitBad, countDiags(d.diags)}
}

func countDiags(diags hcl.Diagnostics) string {
	errs := 0
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			errs++
		}
	}
	text := plural(errs, "error")
	if n := len(diags) - errs; n > 0 {
		text += ", " + plural(n, "warning")
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%s %ss", thousands(n), word)
}

// thousands prints 9240 as 9,240.
func thousands(n int) string {
	s := fmt.Sprint(n)
	var parts []string
	for len(s) > 3 && s[0] != '-' {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), ",")
}

// programs makes what the partitions of a replay run.
func programs(ctx context.Context, w *engine.Workflow) replay.Programs {
	return func() (core.Program, func(), error) {
		crew, err := w.NewCrew(ctx)
		if err != nil {
			return core.Program{}, nil, err
		}
		return crew.Program, crew.Close, nil
	}
}
