package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
)

var workflowName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// whose is how a question to an engine says which workflow it is about.
type whose struct {
	name string // --of
	dir  string // a folder, or a name, in its place
}

// bindOf adds the flag that names a workflow of an engine.
func bindOf(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "of", "", "the workflow, if there are several")
}

// theirs finds the workflow that a question to an engine is about: the one that
// is named, that of a folder, or, if there is no such folder, the one of that
// name in the streams. Where none is named, w is nil and name empty: the streams
// know it. What is shown is always the release that is live, whatever a folder
// holds.
func (a *app) theirs(ctx context.Context, c *config, of whose) (w *engine.Workflow, name string, err error) {
	dir := of.dir
	switch {
	case of.name != "" && dir != "":
		return nil, "", fmt.Errorf("found --of %s and %s: name the workflow once", of.name, dir)
	case of.name != "":
		return nil, of.name, nil
	case dir == "" && c.origin["workflow"] == "default":
		return nil, "", nil
	case dir == "":
		dir = c.text("workflow")
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && workflowName.MatchString(dir) {
		return nil, dir, nil
	}
	w, err = a.load(ctx, dir, c.cache())
	return w, "", err
}
