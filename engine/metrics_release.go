package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// ran names a release that runs. There are few at a time, which bounds what is
// told of each.
type ran struct {
	workflow string
	number   uint32
}

func (r *ran) less(o *ran) int {
	return cmp.Or(strings.Compare(r.workflow, o.workflow), cmp.Compare(r.number, o.number))
}

// tally is what a release did in a partition.
type tally struct {
	events    int64 // scored, also those of the history that it was built from
	decisions int64 // published
	rejected  int64 // told
}

// tallies count by release. The zero value is ready, and it is safe for
// concurrent use.
type tallies struct {
	mu sync.Mutex
	of map[ran]tally
}

// count adds what the last commit's outputs hold.
func (t *tallies) count(members []*lineage.Member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[ran]tally{}
	}
	for _, m := range members {
		key := ran{m.Workflow, m.Release.Number}
		x := t.of[key]
		x.events += int64(m.Out.Accepted)
		if m.Heard() {
			x.decisions += int64(len(m.Out.Decisions))
			x.rejected += int64(len(m.Out.Rejected))
		}
		t.of[key] = x
	}
}

// keep forgets the releases that run no more.
func (t *tallies) keep(members []*lineage.Member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.of {
		if !slices.ContainsFunc(members, func(m *lineage.Member) bool { return key == ran{m.Workflow, m.Release.Number} }) {
			delete(t.of, key)
		}
	}
}

func (t *tallies) read(key ran) tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[key]
}

var (
	releaseLabels = []string{"workflow", "release"}
	releaseDesc   = prometheus.NewDesc("ripen_release_info", "Always 1; a release that runs here: the digest of its model, and as what.", []string{"workflow", "release", "model", "role"}, nil)
	tallyDescs    = map[string]*prometheus.Desc{
		"events":    prometheus.NewDesc("ripen_release_events_total", "Events that a running release scored, also those of the history that it was built from.", releaseLabels, nil),
		"decisions": prometheus.NewDesc("ripen_release_decisions_total", "Decisions that a running release published.", releaseLabels, nil),
		"rejected":  prometheus.NewDesc("ripen_release_rejected_events_total", "Events that a running release rejected, while it was live.", releaseLabels, nil),
	}
)

// releases tells what each release does that runs in partitions of this engine.
func (c *collector) releases(ch chan<- prometheus.Metric) {
	list := c.e.lineages()
	slices.SortFunc(list, func(a, b release.LineageStatus) int {
		return cmp.Or((&ran{a.Workflow, a.Release}).less(&ran{b.Workflow, b.Release}), strings.Compare(a.Digest, b.Digest))
	})
	roles := map[string]bool{}
	for i := range list {
		l := &list[i]
		labels := []string{l.Workflow, strconv.FormatUint(uint64(l.Release), 10), shortDigest(l.Model), l.Role}
		if id := strings.Join(labels, "\x00"); !roles[id] {
			roles[id] = true
			ch <- prometheus.MustNewConstMetric(releaseDesc, prometheus.GaugeValue, 1, labels...)
		}
	}
	list = slices.CompactFunc(list, func(a, b release.LineageStatus) bool { return a.Workflow == b.Workflow && a.Release == b.Release })
	for i := range list {
		c.release(ch, &list[i])
	}
}

// release tells what one release does.
func (c *collector) release(ch chan<- prometheus.Metric, l *release.LineageStatus) {
	var sum tally
	for _, p := range c.e.parts {
		x := p.status.tallies.read(ran{l.Workflow, l.Release})
		sum.events, sum.decisions, sum.rejected = sum.events+x.events, sum.decisions+x.decisions, sum.rejected+x.rejected
	}
	number := strconv.FormatUint(uint64(l.Release), 10)
	for key, v := range map[string]int64{"events": sum.events, "decisions": sum.decisions, "rejected": sum.rejected} {
		ch <- prometheus.MustNewConstMetric(tallyDescs[key], prometheus.CounterValue, float64(v), l.Workflow, number)
	}
	w, done := c.e.atWork(l.Workflow, lineage.Release{Number: l.Release, Digest: l.Digest, Model: l.Model})
	if w == nil {
		return
	}
	defer done()
	for name, s := range w.Stats() {
		for key, v := range map[string]uint64{"fuel": s.Fuel, "calls": s.Calls, "inputs": s.Slots, "traps": s.Failed, "refused": s.Soft, "turned": s.Turned, "made": s.Instances} {
			ch <- prometheus.MustNewConstMetric(pluginDescs[key], prometheus.CounterValue, float64(v), l.Workflow, number, name)
		}
	}
}

// atWork is a release that is loaded, nil if it is not; done gives it back.
func (e *Engine) atWork(name string, r lineage.Release) (w *Workflow, done func()) {
	if e.shelf == nil {
		w, err := e.releases.Acquire(e.life, name, r)
		if err != nil {
			return nil, nil
		}
		return w, func() { e.releases.Return(name, r) }
	}
	return e.shelf.peek(r.Digest)
}
