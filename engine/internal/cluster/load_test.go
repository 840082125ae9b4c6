package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const producers = 4

// load sends lines, each lead's in order, until all are acknowledged.
type load struct {
	t       *testing.T
	retries atomic.Int64
	acked   atomic.Int64
	done    chan struct{}
	pulse   [][]byte // lines of the pulse, valid once done is closed
}

// produce spreads the lines over producers, who pace themselves so that it
// takes about so long. A pulse goes through all partitions until stop.
func produce(ctx context.Context, t *testing.T, s *servers, lines [][]byte, seed uint64, takes time.Duration, stop <-chan struct{}) *load {
	t.Helper()
	l := &load{t: t, done: make(chan struct{})}
	mine := make([][][]byte, producers)
	for _, line := range lines {
		var who struct{ UserID, AnonymousID string }
		require.NoError(t, json.Unmarshal(line, &who))
		p := lead.Partition(who.UserID+who.AnonymousID, producers)
		mine[p] = append(mine[p], line)
	}
	var all sync.WaitGroup
	for p := range mine {
		nc := s.connect(t)
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(p)))
			began, total := time.Now(), len(mine[p])
			for left := mine[p]; len(left) > 0 && ctx.Err() == nil; {
				n := min(len(left), 1+rnd.IntN(8))
				l.send(ctx, nc, left[:n])
				if rnd.IntN(10) == 0 {
					l.send(ctx, nc, left[:n]) // a producer that did not hear the answer
				}
				left = left[n:]
				time.Sleep(time.Until(began.Add(takes * time.Duration(total-len(left)) / time.Duration(total))))
			}
		})
	}
	nc := s.connect(t)
	all.Go(func() {
		for n := 0; l.beating(ctx, stop); n++ {
			list := beat(n)
			l.pulse = append(l.pulse, list...)
			l.send(ctx, nc, list)
			time.Sleep(100 * time.Millisecond)
		}
	})
	go func() { all.Wait(); close(l.done) }()
	return l
}

func (l *load) beating(ctx context.Context, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	default:
		return true
	}
}

// beat is an event in each partition, so that whoever runs one has something to
// score at any time.
func beat(n int) (list [][]byte) {
	for p := range partitions {
		who := ""
		for i := 0; who == "" || lead.Partition(who, partitions) != p; i++ {
			who = fmt.Sprint("pulse-", i)
		}
		at := time.Date(2026, 1, 5, 0, 0, n, 0, time.UTC)
		list = append(list, fmt.Appendf(nil, `{"type":"track","event":"Article Read","messageId":"pulse-%d-%d","userId":%q,"timestamp":%q}`, p, n, who, at.Format(time.RFC3339)))
	}
	return list
}

// send sends one request until it is accepted.
func (l *load) send(ctx context.Context, nc *nats.Conn, list [][]byte) {
	body := bytes.Join(list, []byte("\n"))
	for ; ctx.Err() == nil; l.retries.Add(1) {
		m, err := nc.Request("ripen.in", body, time.Second)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		var a struct {
			Accepted int
			Rejected []json.RawMessage
			Error    *struct{ RetryAfterMs int64 }
		}
		if err := json.Unmarshal(m.Data, &a); err != nil || len(a.Rejected) > 0 {
			l.t.Errorf("answer %s", m.Data)
			return
		}
		if a.Error == nil {
			l.acked.Add(int64(len(list)))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tick lets time pass.
func (l *load) tick(ctx context.Context, nc *nats.Conn, at int64) {
	l.send(ctx, nc, [][]byte{fmt.Appendf(nil, `{"type":"tick","timestamp":%q}`, time.UnixMilli(at).UTC().Format(time.RFC3339Nano))})
}

func lastTime(t *testing.T, lines [][]byte) (last int64) {
	t.Helper()
	for _, line := range lines {
		var e struct{ Timestamp time.Time }
		require.NoError(t, json.Unmarshal(line, &e))
		last = max(last, e.Timestamp.UnixMilli())
	}
	return last
}
