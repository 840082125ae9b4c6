package cluster

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/journal"
)

// watch follows the records of all partitions, and which process is which
// engine.
type watch struct {
	j *journal.Journal

	mu      sync.Mutex
	engines map[string]int // process by engine
	parts   []partState
}

type partState struct {
	owner   string // engine
	epoch   uint64
	claims  int
	commits []commitAt
	clock   int64
	pos     uint64
}

// commitAt is a commit as the server stored it.
type commitAt struct {
	epoch uint64
	at    time.Time
}

func newWatch(ctx context.Context, t *testing.T, nc *nats.Conn) *watch {
	t.Helper()
	w := &watch{engines: map[string]int{}, parts: make([]partState, partitions)}
	_, err := nc.Subscribe("$KV.RIPEN_OWNERS.*", func(m *nats.Msg) {
		var h struct {
			ID  string
			PID int
		}
		if json.Unmarshal(m.Data, &h) == nil && h.ID != "" {
			w.mu.Lock()
			w.engines[h.ID] = h.PID
			w.mu.Unlock()
		}
	})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		w.j, err = journal.Open(ctx, js, journal.Config{ReadOnly: true, AskTimeout: time.Second})
		return err == nil
	}, 30*time.Second, 100*time.Millisecond)
	go w.follow(ctx)
	return w
}

func (w *watch) follow(ctx context.Context) {
	for from := uint64(1); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		_ = w.j.Scan(ctx, journal.JournalStream, []string{"ripen.j.*"}, from, func(m journal.Message) error {
			from = m.Seq + 1
			return w.take(m)
		})
	}
}

func (w *watch) take(m journal.Message) error {
	rec, err := journal.ReadRecord(m.Data)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := range w.parts {
		if m.Subject != journal.RecordSubject(n) {
			continue
		}
		p := &w.parts[n]
		p.epoch, p.clock, p.pos = rec.Epoch, rec.Clock, rec.Pos.Seq
		if rec.Kind == journal.KindClaim {
			p.owner, _, _ = strings.Cut(rec.Owner, "/")
			p.claims++
			continue
		}
		p.commits = append(p.commits, commitAt{rec.Epoch, time.UnixMilli(m.Time)})
	}
	return nil
}

// settled waits until each of the processes owns its even share.
func (w *watch) settled(most time.Duration, pids ...int) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		even := true
		for _, pid := range pids {
			even = even && len(w.orphans(pid)) == partitions/len(pids)
		}
		if even {
			return true
		}
	}
	return false
}

// orphans are the partitions that a process owns, with the epochs of its claims.
func (w *watch) orphans(pid int) map[int]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := map[int]uint64{}
	for n, p := range w.parts {
		if w.engines[p.owner] == pid {
			list[n] = p.epoch
		}
	}
	return list
}

// again waits until others have committed on all the orphans, and says how long
// after began the last of them did.
func (w *watch) again(orphans map[int]uint64, began time.Time, most time.Duration) (took time.Duration, ok bool) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if took, ok = w.scored(orphans, began); ok {
			return took, true
		}
	}
	return took, false
}

func (w *watch) scored(orphans map[int]uint64, began time.Time) (took time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, epoch := range orphans {
		first := time.Time{}
		for _, c := range w.parts[n].commits {
			if c.epoch > epoch {
				first = c.at
				break
			}
		}
		if first.IsZero() {
			return 0, false
		}
		took = max(took, first.Sub(began))
	}
	return took, true
}

// caughtUp waits until all partitions have let time pass up to at.
func (w *watch) caughtUp(at int64, most time.Duration) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		w.mu.Lock()
		done := true
		for _, p := range w.parts {
			done = done && p.clock >= at
		}
		w.mu.Unlock()
		if done {
			return true
		}
	}
	return false
}

// claims is the number of claims in all.
func (w *watch) claims() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.parts {
		n += p.claims
	}
	return n
}
