package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
)

// followShadow prints decisions of a shadow and of the live release that differ,
// as they are made.
func (a *app) followShadow(cmd *cobra.Command, f *shadowDiffFlags, o engine.Options, number uint32) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := engine.FollowShadow(ctx, o, f.workflow, number, f.past, func(d *engine.ShadowDifference) error {
		return a.printDifference(d, f.json)
	})
	if errors.Is(err, engine.ErrNoShadow) {
		return no("%v; see ripen shadow list", err)
	}
	return err
}

// printDifference prints one at once: whoever follows waits for it.
func (a *app) printDifference(d *engine.ShadowDifference, asJSON bool) (err error) {
	if asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		err = enc.Encode(d)
	} else {
		_, err = fmt.Fprintf(a.stdout, "%s  %s  release %d: %s  release %d: %s  %s\n", time.UnixMilli(d.At).UTC().Format(time.RFC3339), d.Lead,
			d.Live.Release, decidedText(d.Live.Decision), d.Shadow.Release, decidedText(d.Shadow.Decision), d.Why)
	}
	return errors.Join(err, a.stdout.Flush())
}

func decidedText(d *lead.Decision) string {
	if d == nil {
		return "–"
	}
	return d.Action + "/" + d.Route
}
