package natsd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filled is a folder with a stream X of 60 messages, some with headers, some
// deleted, erased or purged; the last ones are whole.
func filled(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	s, err := Start(Options{Dir: dir, NoListen: true})
	require.NoError(t, err)
	nc, err := s.Connect("test")
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	st, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "X", Subjects: []string{"x.>"}})
	require.NoError(t, err)
	for i := range 60 {
		m := &nats.Msg{Subject: fmt.Sprintf("x.%d", i%7), Data: fmt.Appendf(nil, "message %d %0*d", i, i*3, 0)}
		if i%3 == 0 {
			m.Header = nats.Header{"Id": {fmt.Sprint(i)}}
		}
		_, err := js.PublishMsg(t.Context(), m)
		require.NoError(t, err)
		switch i {
		case 20:
			require.NoError(t, st.DeleteMsg(t.Context(), 12))
			require.NoError(t, st.SecureDeleteMsg(t.Context(), 14))
		case 30:
			require.NoError(t, st.Purge(t.Context(), jetstream.WithPurgeSubject("x.3")))
		case 40:
			require.NoError(t, st.Purge(t.Context(), jetstream.WithPurgeSequence(6)))
		}
	}
	nc.Close()
	require.NoError(t, s.Stop(t.Context()))
	return dir
}

func blockOf(t testing.TB, dir string) (name string, data []byte) {
	t.Helper()
	files, err := blockFiles(dir, "X")
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err = os.ReadFile(files[0].name)
	require.NoError(t, err)
	return files[0].name, data
}

// begins are where the messages begin in a block that is whole.
func begins(t testing.TB, data []byte) (list []int) {
	t.Helper()
	for at := 0; at < len(data); {
		list = append(list, at)
		fr, ok := peekFrame(data[at:])
		require.True(t, ok)
		at += fr.size
	}
	return list
}

func TestReadFrames_FindsNothingInWhatTheServerWrote(t *testing.T) {
	dir := filled(t)
	f, err := ReadFrames(dir, "X", 0)
	require.NoError(t, err)
	assert.Empty(t, f.Damaged)
	assert.False(t, f.Stale)
	_, data := blockOf(t, dir)
	assert.Greater(t, len(begins(t, data)), 50)
	require.NoError(t, os.Remove(f.index))
	f, err = ReadFrames(dir, "X", 1)
	require.NoError(t, err)
	assert.True(t, f.Stale)
	assert.Empty(t, f.Damaged)
	f, err = ReadFrames(dir, "none", 0)
	require.NoError(t, err)
	assert.Equal(t, &Frames{}, f)
}

func TestReadFrames_FindsEachByteThatIsChanged(t *testing.T) {
	dir := filled(t)
	name, data := blockOf(t, dir)
	at := begins(t, data)
	for _, n := range []int{0, len(at) / 2, len(at) - 4, len(at) - 3, len(at) - 2, len(at) - 1} {
		end := len(data)
		if n+1 < len(at) {
			end = at[n+1]
		}
		want, _ := peekFrame(data[at[n]:])
		for off := at[n]; off < end; off++ {
			if in := off - at[n]; !want.headers && (in == 20 || in == 21) {
				continue // a subject may be longer by what was data: the sum is the same
			}
			for _, bit := range []byte{0x01, 0x20, 0x80} {
				changed := append([]byte(nil), data...)
				changed[off] ^= bit
				require.NoError(t, os.WriteFile(name, changed, 0o600))
				f, err := ReadFrames(dir, "X", 0)
				require.NoError(t, err)
				require.Len(t, f.Damaged, 1, "byte %d of message %d, bit %d", off-at[n], want.seq, bit)
				d := f.Damaged[0]
				require.Equal(t, int64(at[n]), d.Offset)
				require.Equal(t, n == len(at)-1, d.Tail)
				if inSequence := off >= at[n]+4 && off < at[n]+12; !inSequence && !want.mark && n > 0 {
					require.Equal(t, want.seq, d.Seq)
				} else if off-at[n] == 10 && bit == 0x20 {
					require.True(t, d.Wild || n == 0, "byte %d of message %d", off-at[n], want.seq)
				} else if !inSequence {
					require.False(t, d.Wild)
				}
			}
		}
	}
}

func TestCutTail_LeavesWhatIsWhole(t *testing.T) {
	dir := filled(t)
	name, data := blockOf(t, dir)
	at := begins(t, data)
	last := at[len(at)-1]
	for _, c := range []struct {
		what string
		data func() []byte
	}{
		{"torn in its header", func() []byte { return data[:last+5] }},
		{"torn in its data", func() []byte { return data[:last+40] }},
		{"a wild sequence", func() []byte { b := append([]byte(nil), data...); b[last+10] ^= 8; return b }},
		{"a changed byte", func() []byte { b := append([]byte(nil), data...); b[len(b)-12] ^= 8; return b }},
	} {
		t.Run(c.what, func(t *testing.T) {
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			rel, err := filepath.Rel(dir, name)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(copied, rel), c.data(), 0o600))
			f, err := ReadFrames(copied, "X", 0)
			require.NoError(t, err)
			gone, err := f.CutTail()
			require.NoError(t, err)
			require.Len(t, gone, 1)
			require.Equal(t, uint64(60), gone[0].Seq)
			again, err := ReadFrames(copied, "X", 0)
			require.NoError(t, err)
			require.Empty(t, again.Damaged)

			_, js := connect(t, start(t, Options{Dir: copied}))
			st, err := js.Stream(t.Context(), "X")
			require.NoError(t, err)
			require.Equal(t, uint64(59), st.CachedInfo().State.LastSeq)
			_, err = st.GetMsg(t.Context(), 59)
			require.NoError(t, err)
			ack, err := js.Publish(t.Context(), "x.1", []byte("goes on"))
			require.NoError(t, err)
			require.Equal(t, uint64(60), ack.Sequence)
		})
	}
}

func TestStart_EndsWhereBeforeSaysSo(t *testing.T) {
	dir := t.TempDir()
	_, err := Start(Options{Dir: dir, NoListen: true, Before: func(string) error { return assert.AnError }})
	require.ErrorIs(t, err, assert.AnError)
	start(t, Options{Dir: dir}) // the lock is free
}

func FuzzFrames(f *testing.F) {
	_, data := blockOf(f, filled(f))
	f.Add(data[:2000])
	f.Add(data[len(data)-500:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &frameScan{stream: "X"}
		err := s.begin(1)
		require.NoError(t, err)
		s.block("1.blk", data)
		at := int64(-1)
		for i := range s.found {
			d := &s.found[i]
			require.Greater(t, d.Offset, at)
			require.Less(t, d.Offset, int64(len(data)))
			require.NotEmpty(t, d.Why)
			require.True(t, !d.Tail || i == len(s.found)-1, "one tail, at the end")
			at = d.Offset
		}
	})
}
