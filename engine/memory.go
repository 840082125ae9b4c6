package engine

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// MemorySlack is how many bytes a program that runs an engine gives the garbage
// collector on top of what it would use by itself.
const MemorySlack = 256 << 20

// TuneMemory lets the heap grow by slack bytes more between two collections
// than it would: with leads in memory each collection walks all of them, and
// with a small heap it would do so several times a second. What is in use is
// doubled at most, as ever, plus slack; a large heap grows by less. It is meant
// for programs, once, at their start; where GOGC is set in the environment it
// does nothing.
func TuneMemory(slack int64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(gcPercent(0, slack))
	afterCollection(func() { debug.SetGCPercent(gcPercent(liveBytes(), slack)) })
}

// roomy is the heap in bytes up to which it may double; beyond that it grows by
// half, since memory is dearer then than collections.
const roomy = 1100 << 20

// gcPercent is the growth in percent of live bytes that is live + slack bytes,
// or less where that is much.
func gcPercent(live, slack int64) int {
	const most = 1000 // of a heap that is nearly empty
	grow := live + slack
	if live+grow > roomy {
		grow = min(grow, max(roomy-live, live/2))
	}
	return int(min(100*grow/max(live, 1), most))
}

// liveBytes is what the last collection left.
func liveBytes() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64())
}

// afterCollection calls fn after each collection, for ever.
func afterCollection(fn func()) {
	type token struct{ _ [16]byte }
	var arm func(*token)
	arm = func(*token) {
		fn()
		runtime.SetFinalizer(&token{}, arm)
	}
	runtime.SetFinalizer(&token{}, arm)
}
