package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/natsd"
)

// drainTime is how long a stopping engine may take to finish what it took.
const drainTime = 30 * time.Second

// repeatTime is how long after a signal another one is taken for the same:
// who signals a process and its group, as timeout(1) does, sends two.
const repeatTime = time.Second

func (a *app) runCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "run [DIR]",
		Short: "Run the engine on a workflow",
		Long: `Runs the workflow in a folder over the events that arrive, and publishes its
decisions. By default a NATS server with JetStream is embedded and its data lies
in a folder; --nats uses an external one.

Leads that are not hot lie on the disk, in --state; --cache-leads bounds those in
memory. What lies there is made anew from the journal when it is missing, so it
needs no backup. Engines that share a server need a --state folder each.

On streams that have the workflow already, the engine runs the release that is
live there, whatever the folder holds; ripen apply makes the folder the next one.
With --watch that happens whenever a file of it is saved.

Send events as requests to the subject ripen.in; subscribe to decisions on
ripen.decisions.<workflow>.<action>. Settings come from ripen.hcl, RIPEN_…
variables and flags (see ripen config).

SIGINT or SIGTERM drains: no new requests are taken, what was taken is finished.
A second signal ends at once, unless it comes within a second of the first.`,
		Example: `  ripen run workflows/letter-and-number
  ripen run -w . --data /var/lib/ripen --http 127.0.0.1:8222 --log-json
  ripen run -w . --nats nats://nats.internal:4222 --creds ripen.creds --replicas 3`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			dir := c.text("workflow")
			if len(list) > 0 {
				dir = list[0]
			}
			return a.runEngine(cmd.Context(), c, dir, watch)
		},
	}
	bindSettings(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "apply the folder whenever it is saved, without asking: for development")
	return cmd
}

func (a *app) runEngine(ctx context.Context, c *config, dir string, watch bool) error {
	engine.TuneMemory(engine.MemorySlack)
	policy, err := c.trust()
	if err != nil {
		return err
	}
	a.trust = strict(policy)
	w, err := a.load(ctx, dir, c.cache())
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// Never given back: a signal that comes between the end of the drain and the
	// end of the process would kill what has just ended well.
	log := a.logger(c)
	o := c.engineOptions(w, log)
	o.Trust = a.trust
	e, err := engine.New(ctx, o)
	if err == nil {
		var w *watcher
		if watch {
			w = a.watch(e.Operator(), dir, c.cache())
		}
		err = a.serve(e, o, signals, log)
		if w.stop(); err == nil {
			log.Info("stopped")
		}
	}
	if !errors.Is(err, errAtOnce) { // else the engine still runs its plugins
		w.Close()
	}
	return err
}

// errAtOnce says that the engine was left running.
var errAtOnce = errors.New("ended before everything was drained; what was accepted is stored and is decided on at the next start")

// serve waits until the engine is ready, says so, and waits for its end.
func (a *app) serve(e *engine.Engine, o engine.Options, signals <-chan os.Signal, log hclog.Logger) error {
	ready := time.NewTicker(20 * time.Millisecond)
	defer ready.Stop()
	for said := false; ; {
		select {
		case <-e.Done():
			return drain(e.Stop, time.Time{}, signals, log)
		case s := <-signals:
			log.Info("draining, a second signal ends at once", "signal", s)
			return drain(e.Stop, time.Now(), signals, log)
		case <-ready.C:
			if said || e.Ready() != nil {
				continue
			}
			said = true
			ready.Stop()
			a.say("%s", readyLine(e, o, log))
			if err := a.stdout.Flush(); err != nil {
				log.Warn("cannot say that the engine is ready", "error", err)
			}
		}
	}
}

// readyLine names what runs, whatever folder was given: several workflows, their
// releases and models stand behind each other in the same order.
func readyLine(e *engine.Engine, o engine.Options, log hclog.Logger) string {
	var names, numbers, models []string
	running, err := e.Running(context.Background())
	if err != nil {
		log.Warn("cannot say what runs", "error", err)
	}
	for i := range running {
		x := &running[i]
		names, numbers, models = append(names, x.Workflow), append(numbers, strconv.FormatUint(uint64(x.Release.Number), 10)), append(models, prefix(x.Release.Model))
	}
	line := fmt.Sprintf("ready: %s workflow=%s release=%s model=%s partitions=%d clock=%s", e.URL(), strings.Join(names, ","), strings.Join(numbers, ","), strings.Join(models, ","), o.Partitions, o.Clock)
	if o.NATS == "" {
		line += " data=" + o.Data
	}
	if addr := e.HTTPAddr(); addr != nil {
		line += " http=http://" + addr.String()
	}
	return line
}

// drain stops the engine; a further signal, or too long a wait, gives up. asked
// is when the first signal came, zero if the engine ended by itself.
func drain(stop func(context.Context) error, asked time.Time, signals <-chan os.Signal, log hclog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- stop(ctx) }()
	late := time.After(drainTime + 5*time.Second)
	for {
		select {
		case err := <-stopped:
			return err
		case s := <-signals:
			if time.Since(asked) < repeatTime {
				continue
			}
			log.Warn("ending at once", "signal", s)
			return errAtOnce
		case <-late:
			return fmt.Errorf("engine did not stop within %s: %w", drainTime, errAtOnce)
		}
	}
}

// engineOptions translates the configuration.
func (c *config) engineOptions(w *engine.Workflow, log hclog.Logger) engine.Options {
	maxBytes, _ := parseBytes(c.text("max_bytes"))
	server, opts := c.natsOptions()
	return engine.Options{
		Workflow: w, Data: c.text("data"), NATS: server, NATSOptions: opts, Listen: c.text("listen"), Port: c.number("port"),
		Durability: natsd.Durability(c.text("durability")), Partitions: c.number("partitions"), MaxBytes: maxBytes, MaxLag: int64(c.number("max_lag")), MaxEvents: c.number("max_events"),
		History: c.duration("history"), Replicas: c.number("replicas"), Clock: engine.Clock(c.text("clock")), Tick: c.duration("tick"),
		Quiet: c.duration("quiet"), Lateness: c.duration("lateness"), Skew: c.duration("skew"), Dedupe: c.duration("dedupe"),
		State: c.state(), Cache: cmp.Or(c.number("cache_leads"), -1), SnapshotEvery: cmp.Or(c.duration("snapshot_every"), -1), SkipLost: c.text("skip_lost") == "true",
		HTTP: c.text("http"), CacheDir: c.cache(), Logger: log,
	}
}

// state is the folder of the local store: like what the embedded server holds
// it belongs to one engine.
func (c *config) state() string {
	return cmp.Or(c.text("state"), filepath.Join(c.text("data"), "state"))
}
