package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
)

// drained lets an engine read a data folder to its end.
func drained(t testing.TB, w *engine.Workflow, data string, parts int) (log string) {
	t.Helper()
	out := new(said)
	e, err := engine.New(t.Context(), engine.Options{Workflow: w, Data: data, Port: -1, Clock: engine.ClockStream, Partitions: parts, Logger: hclog.New(&hclog.LoggerOptions{Output: out})})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return e.Behind() == 0 && e.Durable() }, 30*time.Second, 2*time.Millisecond)
	require.NoError(t, stopEngine(e))
	return out.String()
}

func TestTraps_OnlyWhatBreaksThePluginIsRejected(t *testing.T) {
	for _, p := range []trapPlugin{trapInC, trapInGo} {
		t.Run(p.name, func(t *testing.T) {
			w, data, crashed := p.load(t, p.beside()), t.TempDir(), map[string]bool{}
			fillWith(t, data, 6000, 10, trapEvent("panic", crashed))
			drained(t, w, data, drainParts)
			rejected := rejectedOf(t, data)
			for id := range rejected {
				assert.True(t, crashed[id], id)
			}
			assert.Len(t, rejected, len(crashed))
			assert.Greater(t, len(crashed), 3)
			assert.Empty(t, texts(verify(t, w, data)))
		})
	}
}

// tripsIn is the number of events in a row that a breaker of 3 is shown in each
// partition, and what they are: event k of a partition breaks the plugin.
const tripsIn = 2150

func trips(k int) bool {
	switch k {
	case 10, 11, // and 12 does not: nothing happens
		13, 14, 15, // opens
		15 + 1024,  // the first one that is tried: stays open
		2100, 2101, // closed since 15+2*1024; and 2102 does not break it
		2110: // neither does 2111
		return true
	}
	return false
}

// tripped is what README says of breaker = 3, in the order of one partition: the
// code with which event k is rejected.
func tripped(k int) string {
	const opened, every = 15, 1024
	switch {
	case trips(k):
		return "unreachable"
	case k > opened && k < opened+2*every && k != opened+every:
		return "breaker"
	}
	return ""
}

// TestBreaker_OpensAndClosesAsDocumented shows a breaker the same events in packs
// of several sizes, over partitions of several numbers, and with restarts at
// many points: all is as the order of events in the partition says.
func TestBreaker_OpensAndClosesAsDocumented(t *testing.T) {
	w := trapInC.load(t, `
workflow "w" {}

step "quote-trap" "partner" { breaker = 3 }

route "nurture" "rest" {
  default = true
  silent  = true
}
`)
	for _, tt := range []struct {
		parts, pack int
		stops       []int // events of each partition before a restart
	}{
		{1, 100, nil},
		{1, 1, []int{15, 1039}},
		{1, 7, []int{12, 16, 700, 1040, 2062, 2063}},
		{3, 100, []int{14}},
	} {
		t.Run(fmt.Sprintf("%d partitions, packs of %d, %d restarts", tt.parts, tt.pack, len(tt.stops)), func(t *testing.T) {
			data, want, count := t.TempDir(), map[string]string{}, make([]int, tt.parts)
			number := 0
			// event is that of a new lead in the partition that has had the fewest.
			event := func(*rand.Rand, int) (string, []byte) {
				p := 0
				for i := range count {
					if count[i] < count[p] {
						p = i
					}
				}
				for number++; lead.Partition(fmt.Sprint("lead-", number), tt.parts) != p; number++ {
				}
				k, key, id, how := count[p], fmt.Sprint("lead-", number), fmt.Sprint("m", number), "fine"
				count[p]++
				if trips(k) {
					how = "panic"
				}
				if code := tripped(k); code != "" {
					want[id] = code
				}
				at := time.UnixMilli(1_767_225_600_000 + int64(number)).UTC().Format("2006-01-02T15:04:05.000Z")
				return key, fmt.Appendf(nil, `{"type":"track","messageId":%q,"userId":%q,"event":"Visited","properties":{"crash":%q},"timestamp":%q}`, id, key, how, at)
			}
			log := ""
			for _, stop := range append(tt.stops, tripsIn) {
				fillParts(t, data, tt.parts, (stop-count[0])*tt.parts, tt.pack, event)
				log += drained(t, w, data, tt.parts)
			}
			if tt.stops == nil && tt.pack > 1 { // a batch that opens and closes it says nothing
				assert.LessOrEqual(t, strings.Count(log, "a circuit breaker has opened"), tt.parts)
			} else if tt.pack == 1 {
				assert.Contains(t, log, "a circuit breaker has opened")
				assert.Contains(t, log, "a circuit breaker has closed")
			}
			assert.Equal(t, want, rejectedOf(t, data))
			assert.Empty(t, texts(verify(t, w, data)), "breakers are part of what is verified")
		})
	}
}

// TestStop_CallsOffWhatPluginsAreAt ends an engine in the middle of its work
// without letting it finish: nothing is lost, doubled or half done.
func TestStop_CallsOffWhatPluginsAreAt(t *testing.T) {
	w, data, crashed := trapInC.load(t, trapInC.beside()), t.TempDir(), map[string]bool{}
	const events = 15_000
	fillWith(t, data, events, 100, trapEvent("panic", crashed))
	stops := 0
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && stops < 4; stops++ {
		e, err := engine.New(t.Context(), engine.Options{Workflow: w, Data: data, Port: -1, Clock: engine.ClockStream, Partitions: drainParts})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return e.Committed() > 0 || e.Behind() == 0 }, 20*time.Second, time.Millisecond)
		e.CallOff()
		require.NoError(t, stopEngine(e))
	}
	drained(t, w, data, drainParts)
	rejected := rejectedOf(t, data)
	assert.Len(t, rejected, len(crashed))
	assert.Empty(t, texts(verify(t, w, data)))
}
