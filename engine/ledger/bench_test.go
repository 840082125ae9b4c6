package ledger

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// benchLeads is how many accounts the benchmarks pick from at random: far more
// than the processor's caches hold.
const benchLeads = 100_000

// benchAccounts are leads that did about ten things, as they are in memory.
func benchAccounts(b *Book) []*Account {
	list := make([]*Account, benchLeads)
	for i := range list {
		list[i] = NewAccount(b, fmt.Sprintf("lead-%06d", i))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10 * benchLeads {
		happens(list[r.IntN(benchLeads)], b, 20_000*day+int64(i)*200, i%4)
	}
	return list
}

// processCPU is the processor time that this process has used: on a shared
// machine it says more than the clock on the wall.
func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkAccount measures an account among 100,000: what it takes in memory,
// and what an event costs.
func BenchmarkAccount(bench *testing.B) {
	b := testBook(room(1000))
	before := live()
	list := benchAccounts(b)
	perLead := float64(live()-before) / benchLeads
	var buf []byte
	whole, deltas := make([][]byte, benchLeads), make([][]byte, benchLeads)
	for i, a := range list {
		whole[i] = a.Append(nil, b)
		happens(a, b, a.Clock+1000, i%4)
		a.AppendDelta(buf[:0], b)
		happens(a, b, a.Clock+1000, i%4)
		deltas[i] = a.AppendDelta(nil, b)
	}
	cycle := func(what string, f func(i int, a *Account)) {
		bench.Run(what, func(bench *testing.B) {
			bench.ReportAllocs()
			r, cpu := rand.New(rand.NewPCG(3, 4)), processCPU()
			for bench.Loop() {
				i := r.IntN(benchLeads)
				f(i, list[i])
			}
			bench.ReportMetric(float64(processCPU()-cpu)/float64(bench.N), "cpu-ns/op")
			bench.ReportMetric(perLead, "B/lead")
		})
	}
	undo := &Undo{}
	cycle("Event", func(i int, a *Account) {
		a.Begin(undo)
		happens(a, b, a.Clock+1000, i%4)
		a.Keep()
	})
	cycle("EventDelta", func(i int, a *Account) {
		a.Begin(undo)
		happens(a, b, a.Clock+1000, i%4)
		a.Keep()
		buf = a.AppendDelta(buf[:0], b)
	})
	bench.Run("RoundDelta", func(bench *testing.B) {
		r, cpu, sum := rand.New(rand.NewPCG(3, 4)), processCPU(), uint64(0)
		var round [256]int
		for done := 0; done < bench.N; done += len(round) {
			for i := range round {
				round[i] = r.IntN(benchLeads)
				sum += uint64(list[round[i]].Clock)
			}
			for _, i := range round {
				sum += list[i].Warm()
			}
			for _, i := range round {
				a := list[i]
				a.Begin(undo)
				happens(a, b, a.Clock+1000, i%4)
				a.Keep()
			}
			for _, i := range round {
				buf = list[i].AppendDelta(buf[:0], b)
			}
		}
		bench.ReportMetric(float64(processCPU()-cpu)/float64(bench.N), "cpu-ns/op")
		bench.ReportMetric(float64(sum%2), "sum")
	})
	cycle("EventAppend", func(i int, a *Account) {
		a.Begin(undo)
		happens(a, b, a.Clock+1000, i%4)
		a.Keep()
		buf = a.Append(buf[:0], b)
	})
	cycle("Append", func(_ int, a *Account) { buf = a.Append(buf[:0], b) })
	cycle("ApplyDelta", func(i int, a *Account) {
		if err := a.ApplyDelta(deltas[i], b); err != nil {
			bench.Fatal(err)
		}
	})
	cycle("Decode", func(i int, _ *Account) {
		if _, err := DecodeAccount(whole[i], b); err != nil {
			bench.Fatal(err)
		}
	})
}
