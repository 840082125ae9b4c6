// Command torture runs engine/internal/torture on the real engine: make torture.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/ripenhq/ripen/engine/internal/torture"
)

func main() {
	torture.ServeIfAsked()
	os.Exit(run())
}

func run() int {
	o := torture.Options{Out: os.Stdout}
	flag.IntVar(&o.Kills, "runs", 300, "kill so many processes")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().Unix()), "decides the schedule")
	flag.IntVar(&o.Faults, "faults", torture.DefaultFaults, "faults that a data folder sees")
	flag.IntVar(&o.Parallel, "parallel", torture.DefaultParallel, "rounds that run at a time")
	round := flag.Uint64("round", 0, "play the round of this seed alone")
	flag.StringVar(&o.Source, "source", ".", "root of the module")
	flag.StringVar(&o.Binary, "binary", "", "an engine built with -tags failpoints; empty: build it")
	flag.StringVar(&o.Dir, "dir", "", "folder for data; empty: a temporary one")
	flag.BoolVar(&o.Race, "race", false, "build the engine with the race detector")
	flag.Parse()
	if *round != 0 {
		o.Seed, o.Only = *round, true
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("torture: %d kills, seed %d\n", o.Kills, o.Seed)
	started := time.Now()
	t, err := torture.Run(ctx, o)
	if err != nil {
		t.Print(os.Stdout)
		fmt.Printf("\nFAILED after %s: %v\nseed %d\n", time.Since(started).Round(time.Second), err, o.Seed)
		return 1
	}
	fmt.Printf("passed in %s, seed %d\n", time.Since(started).Round(time.Second), o.Seed)
	return 0
}
