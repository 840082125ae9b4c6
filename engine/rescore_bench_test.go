package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// rescoreStream writes events of so many leads over 60 days, in order of time.
func rescoreStream(w io.Writer, leads, events int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	kinds := []string{
		`"type":"page","properties":{"path":"/blog/a"}`, `"type":"page","properties":{"path":"/product/x"}`, `"type":"track","event":"Resource Downloaded"`,
		`"type":"page","properties":{"path":"/"}`, `"type":"track","event":"Guide Downloaded","properties":{"asset":"guide"}`, `"type":"page","properties":{"path":"/learn/b"}`,
		`"type":"track","event":"Email Opened"`, `"type":"identify","traits":{"title":"VP Sales","role":"buyer"}`,
		`"type":"group","groupId":"g","traits":{"industry":"saas","employees":300,"revenue":10000000}`, `"type":"track","event":"Demo Requested"`,
	}
	var b []byte
	state := uint64(1)
	for i := range events {
		state = state*6364136223846793005 + 1442695040888963407
		who, what := int(state>>33)%leads, int(state>>20)%64
		if what >= len(kinds)-1 {
			what %= len(kinds) - 2
		}
		at := begin.Add(time.Duration(i) * 60 * 24 * time.Hour / time.Duration(events))
		b = append(b[:0], `{"messageId":"m`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `","userId":"lead-`...)
		b = strconv.AppendInt(b, int64(who), 10)
		b = append(b, `","timestamp":"`...)
		b = at.AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(append(append(b, `",`...), kinds[what]...), "}\n"...)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	return out.Flush()
}

// number reads a size from the environment.
func number(b *testing.B, name string, usual int) int {
	s := os.Getenv(name)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	require.NoError(b, err, name)
	return n
}

// BenchmarkRescore scores a whole history again, as apply does by default: LEADS
// leads with EVENTS events, decoded and run through every step.
func BenchmarkRescore(b *testing.B) {
	leads, events := number(b, "LEADS", 100_000), number(b, "EVENTS", 2_000_000)
	w := openStarter(b, "letter-and-number")
	for b.Loop() {
		var decisions atomic.Int64
		run, err := replay.New(func() (core.Program, func(), error) {
			crew, err := w.NewCrew(context.Background())
			if err != nil {
				return core.Program{}, nil, err
			}
			return crew.Program, crew.Close, nil
		}, replay.Options{Partitions: runtime.GOMAXPROCS(0), Decided: func(_, _ int, list []lead.Decision) { decisions.Add(int64(len(list))) }})
		require.NoError(b, err)
		from, to := io.Pipe()
		go func() { _ = to.CloseWithError(rescoreStream(to, leads, events)) }()
		began := time.Now()
		newest := replayAll(b, run, from)
		run.Tick(newest)
		require.NoError(b, run.Drain())
		took := time.Since(began)
		require.Equal(b, events, run.Counts().Accepted)
		fmt.Printf("re-scored %d leads with %d events in %s on %d cores: %.0f events/s, %d decisions\n",
			len(run.Leads()), events, took.Round(time.Millisecond), runtime.GOMAXPROCS(0), float64(events)/took.Seconds(), decisions.Load())
		b.ReportMetric(took.Seconds(), "s/rescore")
		b.ReportMetric(float64(events)/took.Seconds(), "events/s")
		run.Close()
	}
	b.ReportMetric(0, "ns/op")
}

// replayAll hands all events over and tells the time of the newest.
func replayAll(b *testing.B, run *replay.Replay, from io.Reader) (newest int64) {
	rd := replay.NewEvents(from)
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return newest
		}
		require.NoError(b, err)
		require.Nil(b, it.Rejected)
		run.Event(it.Event, replay.Place{})
		newest = max(newest, it.Event.At)
	}
}
