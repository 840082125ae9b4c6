// Command subscriber-go hands the decisions of Ripen to a sales team: one task
// for each decision, whatever crashes or is delivered twice.
//
// It shows the three things that a subscriber needs: a durable consumer that
// remembers its place, a task that is written before the decision is
// acknowledged, and the decision's id (ce-id) as the key that makes doing it
// again harmless. It imports nothing of Ripen: headers and JSON are the contract.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/nats-io/nats.go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "subscriber-go:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("subscriber-go", flag.ContinueOnError)
	url := flags.String("nats", nats.DefaultURL, "address of the engine")
	name := flags.String("name", "sales-inbox", "name of the durable consumer: each name gets every decision once")
	filter := flags.String("filter", "*.sales-handoff", "decisions to take, <workflow>.<action>")
	file := flags.String("tasks", "tasks.ndjson", "file that tasks are written to")
	accept := flags.Bool("accept", false, "tell the engine that sales has accepted each lead")
	if err := flags.Parse(args); err != nil {
		return err
	}
	nc, err := nats.Connect(*url, nats.Name("subscriber-go"), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("no engine at %s, start one with `ripen run`: %w", *url, err)
	}
	defer nc.Close()
	tasks, err := openTasks(*file)
	if err != nil {
		return err
	}
	defer tasks.close()
	s := &subscriber{nc: nc, tasks: tasks, accept: *accept}
	return s.follow(ctx, *name, *filter)
}
