package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
)

// Two engines on one data folder: the second is refused and told by whom, and
// the first goes on.
func TestBadInput_TwoEnginesOnOneFolder(t *testing.T) {
	s := newSite(t, engine.Options{Tick: time.Hour})
	e := s.start()
	s.send(e.Conn(), s.fresh(3)...)
	_, err := engine.New(t.Context(), s.opts)
	require.ErrorIs(t, err, natsd.ErrLocked)
	assert.ErrorContains(t, err, s.data)
	assert.ErrorContains(t, err, "stop it or use another folder")
	s.send(e.Conn(), s.fresh(3)...)
	s.scored(e.Conn())
	require.NoError(t, stop(e))
	require.Equal(t, 6, s.check(false))
}

// A data folder of another version, or of somebody else, is left alone.
func TestBadInput_FolderOfAnotherVersion(t *testing.T) {
	for content, says := range map[string]string{"99\n": "newer Ripen", "banana": "banana"} {
		s := newSite(t, engine.Options{})
		e := s.start()
		s.send(e.Conn(), s.fresh(3)...)
		s.scored(e.Conn())
		require.NoError(t, stop(e))
		format := filepath.Join(s.data, "format")
		good, err := os.ReadFile(format)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(format, []byte(content), 0o600))
		_, err = engine.New(t.Context(), s.opts)
		require.ErrorIs(t, err, natsd.ErrFormat)
		assert.ErrorContains(t, err, says)
		require.NoError(t, os.WriteFile(format, good, 0o600))
		require.Equal(t, 3, s.check(false), "nothing was touched")
	}
}

// The partition count is fixed when the streams are made.
func TestBadInput_PartitionCountDiffers(t *testing.T) {
	s := newSite(t, engine.Options{Partitions: 3, Tick: time.Hour})
	e := s.start()
	require.NoError(t, stop(e))
	other := s.opts
	other.Partitions = 5
	_, err := engine.New(t.Context(), other)
	require.ErrorIs(t, err, journal.ErrPartitions)
	assert.ErrorContains(t, err, "made for 3 partitions, 5 are configured")
	e = s.start()
	s.send(e.Conn(), s.fresh(4)...)
	s.scored(e.Conn())
	require.NoError(t, stop(e))
	require.Equal(t, 4, s.check(false))
}

// An event in the wrong partition's subject, a pack that is no pack, and bytes
// that are nothing at all: rejected with a reason, and everything around them is
// scored once.
func TestBadInput_PoisonedStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 3, load(t, countingWorkflow), engine.Options{Partitions: 2, Tick: time.Hour})
		defer w.close()
		w.start()
		time.Sleep(time.Second)
		good := map[int]string{0: "", 1: ""}
		for i := 0; good[0] == "" || good[1] == ""; i++ {
			who := string(rune('a' + i))
			good[partitionOf(who)] = who
		}
		put := func(p int, data string) {
			_, err := w.b.Append(journal.EventSubject(p), []byte(data))
			require.NoError(t, err)
		}
		put(0, event("1", good[0], "Seen", time.Now()))
		put(0, event("2", good[1], "Seen", time.Now()))
		put(0, "\x00\x01\x02")
		put(0, "{")
		put(0, "")
		put(0, "RP\x01\x01garbage")
		put(1, event("3", good[1], "Seen", time.Now())+"\nnonsense\n"+event("4", good[1], "Seen", time.Now()))
		put(0, event("5", good[0], "Seen", time.Now()))
		time.Sleep(5 * time.Second)
		require.Positive(t, w.check(w.settle()))
		rejected := w.b.Messages(journal.JournalStream, "ripen.rejected.*")
		require.GreaterOrEqual(t, len(rejected), 5)
		for _, m := range rejected {
			assert.Contains(t, string(m.Data), `"reason":"`)
			assert.Contains(t, string(m.Data), `"code":"`)
		}
	})
}

func partitionOf(who string) int { return lead.Partition(who, 2) }

// A server that refuses everything for a while, and then works: the engine
// waits, and loses nothing.
func TestBadInput_ServerWithoutLeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := tiny(t, engine.Options{Tick: 10 * time.Second})
		defer w.close()
		p := w.start()
		time.Sleep(time.Second)
		refuse := func(op broker.Op) (broker.Fate, time.Duration) { return broker.Refused, 0 }
		for i := range 3 {
			w.b.SetPlan(refuse)
			w.put(string(rune('a'+i)), 4)
			time.Sleep(time.Duration(10+20*i) * time.Second)
			w.b.SetPlan(nil)
			time.Sleep(30 * time.Second)
		}
		select {
		case <-p.e.Done():
			w.failed("the engine ended: %v", p.e.Err())
		default:
		}
		require.Len(t, w.ids(), 12)
		w.check(w.settle())
	})
}
