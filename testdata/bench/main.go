// Command bench measures one step in one run: twenty rules over rounds of 1,024
// events, as native Go, as the shipped plugin through the host, and as
// programs of two expression languages. All give the same awards for every
// event, or nothing is measured.
//
//	make bench-step
//
// The languages are dependencies of this module alone. Machines differ and are
// shared, so the variants take turns, processor time
// counts, and only ratios have targets: the median over the turns.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func main() {
	turns := flag.Int("turns", 41, "turns that each variant gets")
	slice := flag.Duration("slice", 10*time.Millisecond, "processor time of each turn")
	dir := flag.String("workflow", "workflow", "folder of the workflow")
	flag.Parse()
	if err := run(*dir, *turns, *slice); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// scorer scores the rounds of events, one after the other; result is what
// event i got.
type scorer interface {
	score() error
	result(i int) []award
}

// variant is one way to score.
type variant struct {
	name string
	scorer
	ns []float64 // per event, by turn
}

func run(dir string, turns int, slice time.Duration) error {
	ctx := context.Background()
	w, crew, err := load(ctx, dir)
	if err != nil {
		return err
	}
	defer w.Close()
	defer crew.Close()
	list, err := variants(ctx, dir, w.Model.Book, crew)
	if err != nil {
		return err
	}
	points, err := agree(list[:inGoByHeart])
	if err != nil {
		return err
	}
	fmt.Printf("%d rules, %d events in rounds of %d, %d awards; all variants agree on each of them\n", len(w.Model.Steps[0].Needs.Rules), rounds*roundSize, roundSize, points)
	if err := measure(list, turns, slice); err != nil {
		return err
	}
	report(list)
	return nil
}

// agree scores once with each variant and compares rule by rule.
func agree(list []variant) (awards int, err error) {
	for k := range list {
		v := &list[k]
		p, isPlugin := v.scorer.(*pluginRound)
		if isPlugin {
			p.awards = [][]award{}
		}
		if err := v.score(); err != nil {
			return 0, fmt.Errorf("%s: %w", v.name, err)
		}
		for i := range rounds * roundSize {
			want, got := sorted(list[0].result(i)), sorted(v.result(i))
			if !slices.Equal(want, got) {
				return 0, fmt.Errorf("event %d: %s awards %v, %s awards %v", i, v.name, got, list[0].name, want)
			}
			if k == 0 {
				awards += len(want)
			}
		}
		if isPlugin {
			p.awards = nil
		}
	}
	return awards, nil
}

func sorted(list []award) []award {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b award) int { return strings.Compare(a.rule, b.rule) })
	return list
}

// measure lets the variants take turns, in a direction that changes from turn
// to turn: what disturbs the machine then disturbs all of them.
func measure(list []variant, turns int, slice time.Duration) error {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	for range turns {
		slices.Reverse(order)
		for _, k := range order {
			v := &list[k]
			ns, err := v.once(slice)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.ns = append(v.ns, ns)
		}
	}
	return nil
}

// once scores the events for a slice of time, after one time to warm up.
func (v *variant) once(slice time.Duration) (nsPerEvent float64, err error) {
	if err := v.score(); err != nil {
		return 0, err
	}
	n, begin := 0, cpuTime()
	for cpuTime()-begin < slice {
		if err := v.score(); err != nil {
			return 0, err
		}
		n += rounds * roundSize
	}
	return float64((cpuTime() - begin).Nanoseconds()) / float64(n), nil
}

// cpuTime is what the process has used of the processors. On a shared machine
// it says more than the time of day, and it counts the collection of garbage on
// the other processor too.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only a wrong argument is an error
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// allocs is the number of allocations an event.
func (v *variant) allocs() float64 {
	return testing.AllocsPerRun(5, func() { _ = v.score() }) / (rounds * roundSize)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// ratio is the median of a/b over the turns.
func ratio(a, b *variant) float64 {
	x := make([]float64, len(a.ns))
	for i := range x {
		x[i] = a.ns[i] / b.ns[i]
	}
	return median(x)
}
