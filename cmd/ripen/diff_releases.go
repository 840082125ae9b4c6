package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

// isNumber says whether an argument names a release and no folder.
func isNumber(what string) bool {
	if _, err := strconv.ParseUint(what, 10, 32); err != nil {
		return false
	}
	_, err := os.Stat(what)
	return errors.Is(err, fs.ErrNotExist)
}

// sides reads what is to be compared: folders, and releases of an engine by
// their numbers, of the workflow of the other side unless one is named.
type sides struct {
	app *app
	op  *engine.Operator // nil if there is no number
	of  string
}

func (a *app) sides(ctx context.Context, cmd *cobra.Command, of string, list []string) (*sides, error) {
	s := &sides{app: a, of: of}
	for _, what := range list {
		if isNumber(what) && s.op == nil {
			var err error
			if s.op, err = a.operate(ctx, cmd); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *sides) close() {
	if s.op != nil {
		s.op.Close()
	}
}

// read reads both sides; a folder first, so that a number is of its workflow.
func (s *sides) read(ctx context.Context, was, is string) (a, b *workflow.Definition, err error) {
	if isNumber(was) && !isNumber(is) {
		b, a, err = s.read(ctx, is, was)
		return a, b, err
	}
	if a, err = s.one(ctx, was); err != nil {
		return nil, nil, err
	}
	b, err = s.one(ctx, is)
	return a, b, err
}

func (s *sides) one(ctx context.Context, what string) (*workflow.Definition, error) {
	if isNumber(what) {
		e, err := s.app.find(ctx, s.op, s.of, what)
		if err != nil {
			return nil, err
		}
		def, err := s.op.Definition(ctx, e)
		if errors.Is(err, release.ErrNoFiles) {
			return nil, no("%v", err)
		}
		return def, err
	}
	def, diags, err := engine.ReadDefinition(what)
	if err != nil {
		return nil, noFolder(what, err)
	}
	if len(diags) > 0 {
		if err := s.app.diagnose(def.Files, diags); err != nil {
			return nil, err
		}
	}
	if diags.HasErrors() {
		return nil, no("workflow %s is not valid: %s", what, countDiags(diags))
	}
	if s.of == "" {
		s.of = def.Name
	}
	return def, nil
}
