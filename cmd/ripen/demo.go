package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
	"github.com/ripenhq/ripen/workflows"
)

const (
	demoWorkflow = "letter-and-number"
	demoTop      = 15 // leads in the ranked list
	// demoWait bounds the wait for decisions that were promised.
	demoWait = 60 * time.Second
)

type demoFlags struct {
	seed        uint64
	leads, days int
	cache       string
	write       string
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See Ripen work: ten weeks of invented leads in seconds",
		Long: `Starts the engine with an embedded NATS server in a temporary folder, on the
starter workflow letter-and-number, and plays ten weeks of invented events
through it. Two subscribers on ordinary NATS connections, a nurture programme
and a sales team, print the decisions that reach them. Then the leads are ranked
and one score is explained, line by line.

It checks itself: both subscribers must get exactly the decisions that a replay
of the same events gives, and the lines of every score must sum to it. Exit code
1 if not.

--write only writes the events, for ripen score and others.`,
		Example: "  ripen demo\n  ripen demo --seed 7 --leads 50\n  ripen demo --write events.ndjson && ripen score -w . events.ndjson",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			f.cache = c.cache()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.demo(ctx, &f)
		},
	}
	bindSettings(cmd, "cache")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "the same seed invents the same leads")
	cmd.Flags().IntVar(&f.leads, "leads", 400, "number of leads")
	cmd.Flags().IntVar(&f.days, "days", 70, "length of the story in days")
	cmd.Flags().StringVar(&f.write, "write", "", "write the events to this file and do nothing else")
	return cmd
}

func (a *app) demo(ctx context.Context, f *demoFlags) (err error) {
	if f.leads < 1 || f.days < 1 || f.leads > 100_000 || f.days > 3650 {
		return fmt.Errorf("found --leads %d --days %d, expected 1 to 100000 leads and 1 to 3650 days", f.leads, f.days)
	}
	stream := demostream.New(f.seed, demostream.Options{Leads: f.leads, Days: f.days, Quotes: true})
	story := stream.NDJSON()
	if f.write != "" {
		if err := os.WriteFile(f.write, story, 0o644); err != nil {
			return err
		}
		a.say("%s: %s of %s leads in %d days, seed %d", f.write, plural(len(stream.Events), "event"), thousands(f.leads), f.days, f.seed)
		return nil
	}
	dir, err := os.MkdirTemp("", "ripen-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := unpack(demoWorkflow, dir); err != nil {
		return err
	}
	w, err := a.load(ctx, filepath.Join(dir, demoWorkflow), f.cache)
	if err != nil {
		return err
	}
	defer w.Close()
	a.say("workflow %s: %s", w.Model.Name, w.Model.About)
	a.say("story    %s of %s leads in %d days, seed %d\n", plural(len(stream.Events), "event"), thousands(f.leads), f.days, f.seed)
	expected, err := a.rehearse(ctx, w, story)
	if err != nil {
		return err
	}
	if err := a.perform(ctx, w, dir, story, expected); err != nil {
		return err
	}
	if err := a.reveal(w, expected); err != nil {
		return err
	}
	a.say("\nwhat to try next\n  ripen validate workflows/%s\n  ripen score -w workflows/%s your-events.ndjson\n  ripen try LEAD --with \"Demo Requested\" -w workflows/%s your-events.ndjson\n  ripen run workflows/%s     # then: ripen import your-events.ndjson",
		demoWorkflow, demoWorkflow, demoWorkflow, demoWorkflow)
	return nil
}

// unpack writes a starter workflow below dir.
func unpack(name, dir string) error {
	files, err := fs.Sub(workflows.FS, name)
	if err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, name), files)
}

// rehearsal is what a replay of the story gives.
type rehearsal struct {
	views     []replay.View
	decisions []lead.Decision
	newest    int64 // latest time, ms
}

// rehearse replays the story in process.
func (a *app) rehearse(ctx context.Context, w *engine.Workflow, story []byte) (*rehearsal, error) {
	r, err := replay.New(programs(ctx, w), replay.Options{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	x := &rehearsal{}
	rd := replay.NewEvents(bytes.NewReader(story))
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && it.Rejected != nil {
			err = errors.New(it.Rejected.Reason)
		}
		if err != nil {
			return nil, fmt.Errorf("story, line %d: %w", it.Line, err)
		}
		x.newest = max(x.newest, it.Event.At)
		r.Event(it.Event, replay.Place{})
	}
	r.Tick(x.newest)
	if err := r.Drain(); err != nil {
		return nil, err
	}
	x.decisions = r.Decisions()
	x.views, err = r.Views(r.Leads(), x.newest, x.decisions, true)
	return x, err
}

// perform plays the story through a running engine and waits until both
// subscribers have what they should.
func (a *app) perform(ctx context.Context, w *engine.Workflow, dir string, story []byte, x *rehearsal) error {
	e, err := engine.New(ctx, engine.Options{Workflow: w, Data: filepath.Join(dir, "data"), Port: -1, Clock: engine.ClockStream, Quiet: time.Hour, Logger: hclog.NewNullLogger()})
	if err != nil {
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		_ = e.Stop(bounded)
	}()
	a.say("engine   %s (embedded NATS, data in a temporary folder)", e.URL())
	if err := a.stdout.Flush(); err != nil {
		return err
	}
	crowd := &audience{app: a, engine: e}
	defer crowd.close()
	for _, s := range []struct {
		action string
		shown  int
	}{{"nurture", 3}, {"sales-handoff", 1 << 30}} {
		if err := crowd.seat(ctx, w.Model.Name, s.action, s.shown, idsOf(x.decisions, s.action)); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := a.tell(ctx, e.URL(), story, x.newest); err != nil {
		return err
	}
	if err := crowd.wait(ctx); err != nil {
		return err
	}
	crowd.report(time.Since(began))
	return nil
}

func idsOf(list []lead.Decision, action string) map[string]bool {
	ids := make(map[string]bool)
	for i := range list {
		if list[i].Action == action {
			ids[list[i].ID] = true
		}
	}
	return ids
}

// tell sends the story to ripen.in, then lets time pass up to its end.
func (a *app) tell(ctx context.Context, url string, story []byte, newest int64) error {
	conn, err := nats.Connect(url, nats.Name("story"))
	if err != nil {
		return err
	}
	defer conn.Close()
	im := &importer{app: a, sender: sender{conn: conn, giveUp: time.Minute, say: a.note}, rejects: newRejects("", nil)}
	end := fmt.Sprintf(`{"type":"tick","timestamp":%q}`, stamp(newest))
	rd := replay.NewEvents(io.MultiReader(bytes.NewReader(story), bytes.NewReader([]byte(end))))
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return im.send(ctx)
		}
		if err == nil {
			err = im.take(ctx, 0, &it)
		}
		if err != nil {
			return err
		}
	}
}

// reveal ranks the leads and explains one.
func (a *app) reveal(w *engine.Workflow, x *rehearsal) error {
	for i := range x.views {
		if bad := x.views[i].Unbalanced(); len(bad) > 0 {
			return no("the lines of %v do not sum to the score of %s", bad, x.views[i].Lead)
		}
	}
	a.say("\nthe best %d of %s leads, grade first, then score", min(demoTop, len(x.views)), thousands(len(x.views)))
	a.printRanked(x.views[:min(demoTop, len(x.views))], w)
	star := slices.IndexFunc(x.views, func(v replay.View) bool {
		return slices.ContainsFunc(v.Decisions, func(d replay.Brief) bool { return d.Action == "sales-handoff" })
	})
	v := &x.views[max(star, 0)]
	a.say("\nwhy is %s %q? The lines sum to the score", v.Lead, v.Display)
	if err := a.printExplained(v); err != nil {
		return no("%v", err)
	}
	a.say("\nchecked: the lines of every score of all %s leads sum to it, to the milli-point", thousands(len(x.views)))
	return nil
}
