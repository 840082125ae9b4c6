// Command ingestbench measures the door for events in one run: how many a
// second are acknowledged as durable, each written with SyncAlways, when they
// come as requests of one event or of arrays, against one JetStream publish per
// event; and how long it takes from a request to the decision at a subscriber.
//
//	make bench-ingest
//
// Server, engine and producers share one process and its processors; producers
// and subscribers come over TCP like anybody's. The machine may be shared, so
// the variants take turns and only ratios of the same turn have targets: their
// median counts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine"
)

// errMissed says that a target was missed; the lines are printed.
var errMissed = errors.New("a target was missed")

type settings struct {
	dir      string        // of the data folders
	turns    int           // that each variant gets
	length   time.Duration // of a turn
	latency  time.Duration // for how long latency is measured
	inflight int           // single events on their way
	conns    int           // connections of the producers
	parts    int           // partitions
	linger   time.Duration // 0: ingest's default
	rate     float64       // events/s while latency is measured, 0: half of what was reached
}

func main() {
	var s settings
	flag.StringVar(&s.dir, "dir", "", "where data folders are made; a disk, not memory (default: the system's folder for temporary files)")
	flag.IntVar(&s.turns, "turns", 5, "turns that each variant gets")
	flag.DurationVar(&s.length, "length", 2*time.Second, "length of a turn")
	flag.DurationVar(&s.latency, "latency", 8*time.Second, "for how long latency is measured")
	flag.IntVar(&s.inflight, "inflight", 1024, "single events on their way at a time")
	flag.IntVar(&s.conns, "conns", 4, "connections of the producers")
	flag.IntVar(&s.parts, "partitions", 4, "partitions")
	flag.DurationVar(&s.linger, "linger", 0, "how long an event waits for company (default: that of ingest)")
	flag.Float64Var(&s.rate, "rate", 0, "events a second while latency is measured (default: half of what requests of one event reached)")
	flag.Parse()
	engine.TuneMemory(engine.MemorySlack) // as ripen run does
	if err := run(context.Background(), &s); err != nil {
		fmt.Fprintln(os.Stderr, "bench-ingest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s *settings) (err error) {
	root, err := os.MkdirTemp(s.dir, "ripen-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	sync, err := syncTime(root)
	if err != nil {
		return err
	}
	fmt.Printf("%d processors%s, SyncAlways, %s per fsync of this disk, %d partitions, events of %d bytes, producers on %d connections over TCP\n",
		runtime.GOMAXPROCS(0), others(), sync.Round(time.Microsecond), s.parts, len(event(nil, 1, 1, "Email Opened")), s.conns)
	alone, scoring, err := newSites(ctx, root, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alone.close(), scoring.close()) }()
	list := variants(s, alone, scoring)
	if err = turns(s, list); err != nil {
		return err
	}
	if err = errors.Join(alone.check(ctx), scoring.check(ctx)); err != nil {
		return err
	}
	missed := report(s, list)
	rate, load := s.rate, "as asked"
	if rate == 0 {
		rate, load = median(list[singleScoring].rates)/2, "half of (a) with the engine scoring"
	}
	if err = latency(ctx, s, scoring, rate, load); err != nil {
		return err
	}
	if missed {
		return errMissed
	}
	return nil
}

// others tells how busy the machine is with other things, where that is known.
func others() string {
	text, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(text), " "); err == nil && ok {
		return " (load average before the run " + first + ")"
	}
	return ""
}

// syncTime is what a small write and an fsync cost in the folder.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	const n = 200
	began := time.Now()
	for range n {
		if _, err := f.Write(make([]byte, 200)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return time.Since(began) / n, nil
}
