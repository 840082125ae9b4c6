package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testBase(number uint64) Base {
	return Base{Mark: Mark{Seq: 10 * number, Number: number, Chain: [32]byte{1, 2}}, Epoch: 3, Pos: Position{Seq: 7, Index: 2, Due: -5, Lead: "ann"},
		InputSeq: 6, InputHash: [32]byte{9}, Clock: 1_767_225_600_000, Sum: [32]byte{7}, Lineages: []Lineage{{ID: 5, Workflow: "w", Release: 2, Bundle: "b", Model: "m", Role: RoleLive, Origin: "empty", Health: []byte{1}},
			{ID: 6, Workflow: "w", Release: 3, Model: "n", Role: RoleBuilding, Origin: "history", Cut: 9, Until: 8, Pos: Position{Seq: 3, Index: 1}, Clock: 4}}}
}

// content hands n entries to put.
func content(n int) func(put func(key, value []byte) error) error {
	return func(put func(key, value []byte) error) error {
		for i := range n {
			if err := put(fmt.Appendf(nil, "l%07d", i), bytes.Repeat([]byte{byte(i), byte(i >> 8), byte(i * 7)}, 100)); err != nil {
				return err
			}
		}
		return nil
	}
}

func (b *bench) snapshot(p, entries int, number uint64) Snapshot {
	b.t.Helper()
	s, err := b.j.WriteSnapshot(b.t.Context(), p, testBase(number), Mark{Seq: 10*number + 1, Number: number + 1}, content(entries))
	require.NoError(b.t, err)
	return s
}

func (b *bench) objects() (names []string) {
	b.t.Helper()
	names, err := b.j.listObjects(b.t.Context(), "")
	require.NoError(b.t, err)
	return names
}

func TestSnapshot_WrittenAndReadInParts(t *testing.T) {
	b := newBench(t, Config{})
	const n = 40_000 // of 300 bytes
	s := b.snapshot(2, n, 12)
	assert.EqualValues(t, n, s.Entries)
	assert.Greater(t, len(s.parts), 2)
	assert.Less(t, s.Packed, s.Bytes)
	list, err := b.j.Snapshots(t.Context(), 2)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, s, list[0])
	others, err := b.j.Snapshots(t.Context(), 1)
	require.NoError(t, err)
	assert.Empty(t, others)

	i, want := 0, [][2]string{}
	require.NoError(t, content(n)(func(k, v []byte) error { want = append(want, [2]string{string(k), string(v)}); return nil }))
	require.NoError(t, b.j.ReadSnapshot(t.Context(), list[0], func(k, v []byte) error {
		if want[i] != [2]string{string(k), string(v)} {
			return fmt.Errorf("entry %d is %q", i, k)
		}
		i++
		return nil
	}))
	assert.Equal(t, n, i)
	stop := errors.New("stop")
	require.ErrorIs(t, b.j.ReadSnapshot(t.Context(), list[0], func(k, v []byte) error { return stop }), stop)
}

func TestSnapshot_TheNewestTwoStay(t *testing.T) {
	b := newBench(t, Config{})
	for _, n := range []uint64{8, 9, 11, 12} {
		b.snapshot(0, 20_000, n)
	}
	b.snapshot(1, 3, 1)
	_, err := b.j.WriteSnapshot(t.Context(), 0, testBase(10), Mark{}, func(put func(k, v []byte) error) error {
		if err := content(20_000)(put); err != nil {
			return err
		}
		return context.Canceled
	})
	require.ErrorIs(t, err, context.Canceled)
	left, err := b.j.PruneSnapshots(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, left, 2)
	assert.EqualValues(t, 12, left[0].Base.Number)
	assert.EqualValues(t, 11, left[1].Base.Number)
	var names []string
	for _, name := range b.objects() {
		of, _, _ := strings.Cut(name, ".")
		names = append(names, of)
	}
	assert.Equal(t, []string{"p000-r0000000000000011", "p000-r0000000000000011", "p000-r0000000000000011",
		"p000-r0000000000000012", "p000-r0000000000000012", "p000-r0000000000000012", "p001-r0000000000000001", "p001-r0000000000000001"}, names,
		"neither older ones nor parts without a manifest; other partitions are left alone")
	s, err := b.js.Stream(t.Context(), "OBJ_"+SnapshotBucket)
	require.NoError(t, err)
	assert.Less(t, s.CachedInfo().State.Msgs, uint64(8+100), "deleted ones leave nothing behind")
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("$O."+SnapshotBucket+".M.>"))
	require.NoError(t, err)
	assert.Len(t, info.State.Subjects, 8)
}

func TestSnapshot_DamageIsFound(t *testing.T) {
	damage := map[string]func(t *testing.T, b *bench, obs jetstream.ObjectStore, s Snapshot){
		"part gone": func(t *testing.T, b *bench, obs jetstream.ObjectStore, s Snapshot) {
			require.NoError(t, obs.Delete(t.Context(), s.part(1)))
		},
		"part of another snapshot": func(t *testing.T, b *bench, obs jetstream.ObjectStore, s Snapshot) {
			other, err := obs.GetBytes(t.Context(), s.part(0))
			require.NoError(t, err)
			_, err = obs.PutBytes(t.Context(), s.part(1), other)
			require.NoError(t, err)
		},
		"part is no part": func(t *testing.T, b *bench, obs jetstream.ObjectStore, s Snapshot) {
			_, err := obs.PutBytes(t.Context(), s.part(1), []byte("rubbish"))
			require.NoError(t, err)
		},
		"chunk gone": func(t *testing.T, b *bench, obs jetstream.ObjectStore, s Snapshot) {
			info, err := obs.GetInfo(t.Context(), s.part(1))
			require.NoError(t, err)
			stream, err := b.js.Stream(t.Context(), "OBJ_"+SnapshotBucket)
			require.NoError(t, err)
			m, err := stream.GetLastMsgForSubject(t.Context(), "$O."+SnapshotBucket+".C."+info.NUID)
			require.NoError(t, err)
			require.NoError(t, stream.DeleteMsg(t.Context(), m.Sequence))
		},
	}
	for name, breakIt := range damage {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			s := b.snapshot(0, 40_000, 5)
			obs, err := b.js.ObjectStore(t.Context(), SnapshotBucket)
			require.NoError(t, err)
			breakIt(t, b, obs, s)
			err = b.j.ReadSnapshot(t.Context(), s, func(k, v []byte) error { return nil })
			require.ErrorIs(t, err, ErrSnapshot)
			require.NoError(t, b.j.RemoveSnapshot(t.Context(), s))
			assert.Empty(t, b.objects())
		})
	}
	t.Run("manifest", func(t *testing.T) {
		b := newBench(t, Config{})
		b.snapshot(0, 10, 5)
		obs, err := b.js.ObjectStore(t.Context(), SnapshotBucket)
		require.NoError(t, err)
		_, err = obs.PutBytes(t.Context(), snapshotName(0, 6), []byte(`{"format":1}`))
		require.NoError(t, err)
		list, err := b.j.Snapshots(t.Context(), 0)
		require.NoError(t, err)
		require.Len(t, list, 1, "passed over")
		assert.EqualValues(t, 5, list[0].Base.Number)
	})
}

func TestSnapshot_WhoOnlyReadsMakesNoBucket(t *testing.T) {
	b := newBench(t, Config{})
	_, _, j := b.engine(Config{ReadOnly: true})
	list, err := j.Snapshots(t.Context(), 0)
	require.NoError(t, err)
	assert.Empty(t, list)
	_, err = j.WriteSnapshot(t.Context(), 0, testBase(1), Mark{}, content(1))
	require.ErrorIs(t, err, ErrSnapshot)
	_, err = b.js.ObjectStore(t.Context(), SnapshotBucket)
	require.ErrorIs(t, err, jetstream.ErrBucketNotFound)
}

// history commits n records and gives the base at each, the beginning first.
func (b *bench) history(pt *Partition, n int) []Base {
	b.t.Helper()
	for i := range n {
		_, err := pt.Commit(b.t.Context(), outputs(1, fmt.Sprint(i)), Record{Clock: int64(i), Pos: Position{Seq: uint64(i + 1)}, Lineages: []Lineage{{ID: 1, Role: RoleLive, Health: []byte{byte(i)}}}})
		require.NoError(b.t, err)
	}
	bases := make([]Base, 1)
	require.NoError(b.t, b.j.Records(b.t.Context(), pt.number, func(r Record) error {
		base := bases[len(bases)-1]
		base.Follow(&r)
		bases = append(bases, base)
		return nil
	}))
	return bases
}

func TestRestoreFrom_GivesTheTailBehindAnyBase(t *testing.T) {
	b := newBench(t, Config{})
	b.history(b.claim(1), 3)
	b.history(b.claim(0), 5)
	pt := b.claim(0)
	bases := b.history(pt, 5)
	all := b.restore(pt)
	for _, base := range bases {
		ok, err := b.j.Holds(t.Context(), 0, base.Mark)
		require.NoError(t, err)
		assert.True(t, ok, "record %d", base.Number)
		wrong := base.Mark
		wrong.Chain[5] ^= 1
		ok, err = b.j.Holds(t.Context(), 0, wrong)
		require.NoError(t, err)
		assert.False(t, ok)
		ok, err = b.j.Holds(t.Context(), 1, base.Mark)
		require.NoError(t, err)
		assert.Equal(t, base.Seq == 0, ok, "of another partition")
		if base.Epoch > pt.claim.Epoch || base.Seq > pt.claim.Seq {
			continue
		}
		tail := all[base.Number:]
		i := 0
		require.NoError(t, pt.RestoreFrom(t.Context(), base, func(r Record) error {
			require.Equal(t, tail[i], r)
			i++
			return nil
		}))
		require.Len(t, tail, i)
	}
	wrong := bases[3]
	wrong.Chain[0] ^= 1
	require.ErrorIs(t, pt.RestoreFrom(t.Context(), wrong, func(Record) error { return nil }), ErrCorrupt)
}

func TestPurgeRecords_KeepsTheBaseAndTheLastRecord(t *testing.T) {
	b := newBench(t, Config{})
	other := b.history(b.claim(1), 3)
	bases := b.history(b.claim(0), 8)
	below, err := b.j.PurgeRecords(t.Context(), 0, bases[4].Seq)
	require.NoError(t, err)
	assert.Equal(t, bases[4].Seq, below)
	pt := b.claim(0)
	var seen []uint64
	require.NoError(t, pt.RestoreFrom(t.Context(), bases[4], func(r Record) error { seen = append(seen, r.Number); return nil }))
	assert.Equal(t, []uint64{5, 6, 7, 8, 9, 10}, seen)
	ok, err := b.j.Holds(t.Context(), 0, bases[3].Mark)
	require.NoError(t, err)
	assert.False(t, ok)
	ok, err = b.j.Holds(t.Context(), 1, other[1].Mark)
	require.NoError(t, err)
	assert.True(t, ok, "other partitions lose nothing")
	assert.Len(t, b.stored("ripen.out.>"), 11, "nor do decisions")

	err = pt.Restore(t.Context(), func(Record) error { return nil })
	require.ErrorIs(t, err, ErrBeginning)
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, "begins with record 4")
	require.ErrorContains(t, err, "purge the subject ripen.j.0")

	_, err = b.j.PurgeRecords(t.Context(), 0, 1<<60)
	require.NoError(t, err)
	again := b.claim(0)
	assert.Equal(t, pt.Epoch()+1, again.Epoch(), "the last record is never purged")
	assert.EqualValues(t, 11, again.Claimed().Number)
}

func TestPurge_WaitsForKnownReaders(t *testing.T) {
	b := newBench(t, Config{})
	bases := b.history(b.claim(0), 8)
	r, err := b.j.open(t.Context(), source{stream: JournalStream, filters: []string{RecordSubject(0)}, from: bases[3].Seq}, ReaderOptions{})
	require.NoError(t, err)
	below, err := b.j.PurgeRecords(t.Context(), 0, bases[6].Seq)
	require.NoError(t, err)
	assert.LessOrEqual(t, below, bases[3].Seq, "a scan stands there")
	r.Close()
	require.Eventually(t, func() bool {
		below, err = b.j.PurgeRecords(t.Context(), 0, bases[6].Seq)
		return err == nil && below == bases[6].Seq
	}, 5*time.Second, 20*time.Millisecond)
}

func TestPurgeBefore_SparesWhatASubscriberHasNotAcknowledged(t *testing.T) {
	b := newBench(t, Config{})
	require.NoError(t, b.j.EnsureSubscriber(t.Context(), Subscriber{Name: "crm", Filter: "b2b.>", From: "all"}))
	b.history(b.claim(0), 6)
	c, err := b.js.Consumer(t.Context(), JournalStream, "crm")
	require.NoError(t, err)
	got, err := c.Fetch(2)
	require.NoError(t, err)
	for m := range got.Messages() {
		require.NoError(t, m.DoubleAck(t.Context()))
	}
	_, err = b.j.PurgeBefore(t.Context(), decisionPrefix+">", time.Now().Add(-time.Hour))
	require.NoError(t, err)
	assert.Len(t, b.stored("ripen.out.>"), 6, "all are younger")
	_, err = b.j.PurgeBefore(t.Context(), decisionPrefix+">", time.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Len(t, b.stored("ripen.out.>"), 4, "two are acknowledged")
	require.NoError(t, b.js.DeleteConsumer(t.Context(), JournalStream, "crm"))
	_, err = b.j.PurgeBefore(t.Context(), decisionPrefix+">", time.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Empty(t, b.stored("ripen.out.>"))
	assert.Len(t, b.stored("ripen.j.>"), 7, "records are not purged by age")
	_, err = b.j.PurgeBefore(t.Context(), "ripen.>", time.Now())
	require.Error(t, err)
	_, err = b.j.PurgeBefore(t.Context(), "ripen.j.0", time.Now())
	require.Error(t, err)
}

// Other workflows and actions have subjects of their own, with gaps between their
// messages; a purge by a wildcard reaches all of them, and only below the time.
func TestPurgeBefore_AllSubjectsOfAWildcard(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	commit := func(from, n int) {
		for i := from; i < from+n; i++ {
			outs := []Output{{Subject: DecisionSubject("b2b", fmt.Sprint("a", i%3)), Data: []byte("x")}, {Subject: DecisionSubject("b2c", "nurture"), Data: []byte("y")}}
			_, err := pt.Commit(t.Context(), outs, Record{Clock: int64(i), Pos: Position{Seq: uint64(i + 1)}})
			require.NoError(t, err)
		}
	}
	commit(0, 1) // the only one of its subject for a while
	commit(1, 20)
	time.Sleep(20 * time.Millisecond)
	cut := time.Now()
	time.Sleep(20 * time.Millisecond)
	commit(21, 3)
	below, err := b.j.PurgeBefore(t.Context(), decisionPrefix+">", cut)
	require.NoError(t, err)
	require.NotZero(t, below)
	require.Len(t, b.stored(decisionPrefix+">"), 6)
}

func TestSubjectsMeet(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"ripen.j.1", "ripen.j.1", true}, {"ripen.j.1", "ripen.j.10", false}, {"ripen.j.*", "ripen.j.1", true}, {"ripen.>", "ripen.j.1", true},
		{"ripen.out.*.x", "ripen.out.b2b.*", true}, {"ripen.out.a", "ripen.out.a.b", false}, {"ripen.out.>", "ripen.rejected.1", false}} {
		assert.Equal(t, c.want, overlap([]string{c.a}, c.b), "%s and %s", c.a, c.b)
	}
	assert.True(t, overlap(nil, "ripen.j.1"))
}

// Behind a base a power loss may have taken more of the events than the tail
// knows of: the records before it say where to go on.
func TestResume_LooksBehindTheBase(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	b.publish(EventSubject(0), 10)
	commit := func(seq uint64, data string) {
		_, err := pt.Commit(t.Context(), nil, Record{Pos: Position{Seq: seq + 1}, InputSeq: seq, InputHash: HashInput([]byte(data))})
		require.NoError(t, err)
	}
	commit(4, "ripen.ev.0 3")
	commit(6, "ripen.ev.0 5")
	for seq := uint64(20); seq < 25; seq++ {
		commit(seq, "lost")
	}
	bases := b.history(pt, 0)
	pt = b.claim(0)
	require.NoError(t, pt.RestoreFrom(t.Context(), bases[len(bases)-1], func(Record) error { return nil }))
	pos, rewound, err := pt.Resume(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Position{Seq: 7}, pos)
	assert.True(t, rewound)
}

func TestResume_RetentionOverrunIsLoud(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	b.publish(EventSubject(0), 10)
	_, err := pt.Commit(t.Context(), nil, Record{Pos: Position{Seq: 5}, InputSeq: 4, InputHash: HashInput([]byte("ripen.ev.0 3"))})
	require.NoError(t, err)
	s, err := b.js.Stream(t.Context(), EventsStream)
	require.NoError(t, err)
	resume := func(cfg Config) (Position, error) {
		_, _, j := b.engine(cfg)
		pt, err := j.Claim(t.Context(), 0)
		require.NoError(t, err)
		require.NoError(t, pt.Restore(t.Context(), func(Record) error { return nil }))
		pos, _, err := pt.Resume(t.Context())
		return pos, err
	}
	require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSequence(5)))
	pos, err := resume(Config{})
	require.NoError(t, err, "all that is gone was read")
	assert.EqualValues(t, 5, pos.Seq)

	require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSequence(8)))
	_, err = resume(Config{})
	require.ErrorIs(t, err, ErrRetention)
	require.ErrorContains(t, err, "up to sequence 4, the stream begins at 8")
	require.ErrorContains(t, err, "--skip-lost")
	pos, err = resume(Config{SkipLost: true})
	require.NoError(t, err)
	assert.EqualValues(t, 8, pos.Seq)
}

func FuzzDecodeBase(f *testing.F) {
	b := testBase(7)
	f.Add(b.Append(nil))
	f.Add((&Base{}).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBase(data)
		if err != nil {
			return
		}
		again, err := DecodeBase(b.Append(nil))
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}

func FuzzDecodeMark(f *testing.F) {
	m := testBase(7).Mark
	f.Add(m.Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeMark(data)
		if err != nil {
			return
		}
		again, err := DecodeMark(m.Append(nil))
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}

func FuzzSnapshotEntries(f *testing.F) {
	f.Add(appendBytes(appendBytes(nil, "key"), "value"), int64(1))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, int64(2))
	f.Fuzz(func(t *testing.T, data []byte, n int64) {
		var again []byte
		err := entries(data, n, func(key, value []byte) error {
			again = appendBytes(appendBytes(again, key), value)
			return nil
		})
		if err == nil {
			require.LessOrEqual(t, len(again), len(data))
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"partition":0,"base":"AQ==","newest":"AQ==","parts":[{"bytes":1}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decodeManifest(data); err != nil {
			require.ErrorIs(t, err, ErrSnapshot)
		}
	})
}
