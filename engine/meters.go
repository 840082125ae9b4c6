package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
)

// commitBuckets are the upper bounds of the histogram of commit times, in
// seconds.
var commitBuckets = [...]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// latency is a histogram of times. Its zero value is ready, and it is safe for
// concurrent use.
type latency struct {
	counts [len(commitBuckets) + 1]atomic.Uint64 // of each bucket alone
	sum    atomic.Int64                          // ns
}

func (l *latency) observe(d time.Duration) {
	i := 0
	for i < len(commitBuckets) && d.Seconds() > commitBuckets[i] {
		i++
	}
	l.counts[i].Add(1)
	l.sum.Add(int64(d))
}

// read gives the cumulated buckets as metrics have them.
func (l *latency) read() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(commitBuckets))
	for i := range l.counts {
		count += l.counts[i].Load()
		if i < len(commitBuckets) {
			buckets[commitBuckets[i]] = count
		}
	}
	return count, time.Duration(l.sum.Load()).Seconds(), buckets
}

// maxCodes bounds the codes that are counted one by one: plugins may make up
// their own.
const maxCodes = 64

// codeCounts counts rejected events by code. Its zero value is ready.
type codeCounts struct {
	mu sync.Mutex
	n  map[string]int64
}

func (c *codeCounts) add(list []lead.Rejected) {
	if len(list) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int64{}
	}
	for i := range list {
		code := list[i].Code
		if _, known := c.n[code]; !known && len(c.n) >= maxCodes {
			code = "other"
		}
		c.n[code]++
	}
}

func (c *codeCounts) each(fn func(code string, n int64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for code, n := range c.n {
		fn(code, n)
	}
}
