package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
)

// operatorCommands are those for who runs engines.
func (a *app) operatorCommands() []*cobra.Command {
	return []*cobra.Command{a.journalCommand(), a.rejectedCommand(), a.subscribersCommand(), a.backupCommand(), a.restoreCommand(), a.doctorCommand()}
}

// bindOperator adds the flags by which a command finds the streams of an
// engine, and more settings.
func bindOperator(cmd *cobra.Command, more ...string) {
	bindSettings(cmd, append(serverKeys("data", "log_level", "log_json"), more...)...)
}

// operator configures such a command. The engine's data folder must be there.
func (a *app) operator(cmd *cobra.Command) (engine.Options, error) {
	c, err := a.configure(cmd)
	if err != nil {
		return engine.Options{}, err
	}
	o := c.engineOptions(nil, a.logger(c))
	return o, needData(&o)
}

func (a *app) journalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Check the journal of an engine",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("name what to do: %s verify", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.verifyCommand())
	return cmd
}

func (a *app) verifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [flags] [DIR]",
		Short: "Compute the journal again from its events and compare it byte by byte",
		Long: `Runs the events of the stream through the workflow in DIR again and compares what
comes out with what the journal says: the state of every lead, every decision,
every rejected event. It also follows the chain of hashes through all records. A
single byte that differs is the answer "no" (exit code 1), with the record, the
lead or the decision.

Give the workflow and the settings that the engine runs with: --clock, --skew and
--dedupe change what an event does. What another release of the workflow decided,
and what was decided on events that are gone by age, is taken from the journal;
the report says from which record on all was computed again.

It reads only: a data folder, whether its engine runs or not, or with --nats an
external server.`,
		Example: `  ripen journal verify workflows/letter-and-number --data ripen-data
  ripen journal verify -w . --nats nats://nats.internal:4222 --creds ripen.creds --json`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.verifyJournal(cmd, list, asJSON) },
	}
	bindOperator(cmd, "workflow", "cache", "clock", "skew", "dedupe")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as one JSON object")
	return cmd
}

// needData says that the data folder, if one is to be read, is not there.
func needData(o *engine.Options) error {
	if _, err := os.Stat(o.Data); o.NATS == "" && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("data folder %s: there is no such folder; name the engine's with --data, or its external server with --nats", o.Data)
	}
	return nil
}

func (a *app) verifyJournal(cmd *cobra.Command, list []string, asJSON bool) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	dir := c.text("workflow")
	if len(list) > 0 {
		dir = list[0]
	}
	w, err := a.load(cmd.Context(), dir, c.cache())
	if err != nil {
		return err
	}
	defer w.Close()
	o := c.engineOptions(w, a.logger(c))
	if err := needData(&o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bar := a.progress("verifying", -1, false)
	at := uint64(0)
	r, err := engine.Verify(ctx, o, engine.VerifyOptions{Progress: func(seq, _ uint64) {
		bar.add(int(seq - at))
		at = seq
	}})
	bar.done()
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return err
	case asJSON:
		if err := json.NewEncoder(a.stdout).Encode(r); err != nil {
			return err
		}
	default:
		a.printVerified(r)
	}
	return verdict(r)
}

func (a *app) printVerified(r *engine.VerifyReport) {
	rows := [][]string{{"partition", "records", "computed again", "from record", "inputs", "leads", "decisions", "rejected"}}
	num := func(n int) string { return thousands(n) }
	for i := range r.Partitions {
		p := &r.Partitions[i]
		from := "–"
		if p.From > 0 {
			from = num(int(p.From))
		}
		rows = append(rows, []string{fmt.Sprint(p.Partition), num(int(p.Records)), num(int(p.Computed)), from, num(p.Inputs), num(p.Leads), num(p.Decisions), num(p.Rejected)})
	}
	a.printTable(rows, map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true})
	for i := range r.Partitions {
		for _, n := range r.Partitions[i].Notes {
			a.say("partition %d: %s", r.Partitions[i].Partition, n)
		}
	}
	for i := range r.Problems {
		a.say("%s", clean(r.Problems[i].String()))
	}
}

func verdict(r *engine.VerifyReport) error {
	more, computed, adopted := 0, uint64(0), uint64(0)
	for i := range r.Partitions {
		more, computed, adopted = more+r.Partitions[i].More, computed+r.Partitions[i].Computed, adopted+r.Partitions[i].Adopted
	}
	switch n := len(r.Problems) + more; {
	case n > 0:
		return no("the journal is not what its inputs make: %s; were --clock, --skew and --dedupe those of the engine?", plural(n, "difference"))
	case computed == 0 && adopted > 0:
		return no("the chain of records is whole, but none could be computed again; name the workflow that decided, in the release that did")
	}
	return nil
}
