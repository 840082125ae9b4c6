package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"

	"github.com/ripenhq/ripen/engine"
)

var workflowName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// theirs finds the workflow that a question to an engine is about: that of a
// folder, or, if there is no such folder, the one of that name in the streams.
// Where none is named, w is nil and name empty: the streams know it. What is
// shown is always the release that is live, whatever a folder holds.
func (a *app) theirs(ctx context.Context, c *config, dir string) (w *engine.Workflow, name string, err error) {
	if dir == "" && c.origin["workflow"] == "default" {
		return nil, "", nil
	}
	if dir == "" {
		dir = c.text("workflow")
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && workflowName.MatchString(dir) {
		return nil, dir, nil
	}
	w, err = a.load(ctx, dir, c.cache())
	return w, "", err
}
