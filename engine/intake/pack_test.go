package intake

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPack_RoundTrip(t *testing.T) {
	for name, events := range map[string][]Packed{
		"empty": {},
		"small": {{Raw: []byte(`{"a":1}`), Received: 1769851800000}, {Raw: nil}},
		"large": {{Raw: []byte(strings.Repeat(small135, 20)), Received: 1}, {Raw: []byte(small135), Received: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := EncodePack(nil, events)
			require.NoError(t, err)
			require.True(t, IsPack(b))
			got, err := DecodePack(b)
			require.NoError(t, err)
			require.Len(t, got, len(events))
			for i := range events {
				assert.Equal(t, string(events[i].Raw), string(got[i].Raw))
				assert.Equal(t, events[i].Received, got[i].Received)
			}
		})
	}
	b, _ := EncodePack(nil, []Packed{{Raw: []byte(strings.Repeat(small135, 20))}})
	assert.Equal(t, packS2, b[4])
	assert.Less(t, len(b), 500)
}

func TestPack_RejectsDamage(t *testing.T) {
	sound, err := EncodePack(nil, []Packed{{Raw: []byte(`{"a":1}`), Received: 1}, {Raw: []byte(`{"b":2}`), Received: 1}})
	require.NoError(t, err)
	bomb := append([]byte("RPK1\x01"), s2.Encode(nil, make([]byte, MaxPack+1))...)
	for name, b := range map[string][]byte{
		"magic only": []byte("RPK1"), "other": []byte("hello"), "codec": []byte("RPK1\x07"),
		"cut": sound[:len(sound)-1], "s2 garbage": []byte("RPK1\x01\xff\xff\xff\xff"), "bomb": bomb,
		"s2 lies about its size": append([]byte("RPK1\x01"), binary.AppendUvarint(nil, 1<<40)...),
		"too large":              append([]byte("RPK1\x00"), make([]byte, MaxPack+1)...),
		"length overflow":        append([]byte("RPK1\x00\x01"), binary.AppendUvarint(nil, 1<<63)...),
		"time overflow":          append([]byte("RPK1\x00"), binary.AppendUvarint(nil, 1<<63)...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodePack(b)
			require.ErrorIs(t, err, ErrPack)
			if IsPack(b) {
				err = Messages(b, func(int, []byte, int64) { t.Error("an event of a damaged pack") })
				require.ErrorIs(t, err, ErrPack)
			}
		})
	}
	_, err = EncodePack(nil, []Packed{{Raw: make([]byte, MaxPack)}})
	require.ErrorIs(t, err, ErrPack)
	_, err = EncodePack(nil, []Packed{{Received: -1}})
	require.ErrorIs(t, err, ErrPack)
}

func TestMessages_PackAndPlain(t *testing.T) {
	pack, err := EncodePack(nil, []Packed{{Raw: []byte(`{"a":1}`), Received: 5}, {Raw: []byte(`{"b":2}`), Received: 6}})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		b        []byte
		received []int64
	}{
		"pack": {pack, []int64{5, 6}},
		"json": {[]byte("{\"a\":1}\n{\"b\":2}\n"), []int64{0, 0}},
	} {
		var raws []string
		var times []int64
		require.NoError(t, Messages(tc.b, func(i int, raw []byte, received int64) {
			require.Equal(t, len(raws), i)
			raws, times = append(raws, string(raw)), append(times, received)
		}), name)
		assert.Equal(t, []string{`{"a":1}`, `{"b":2}`}, raws, name)
		assert.Equal(t, tc.received, times, name)
	}
}

func FuzzPack(f *testing.F) {
	for _, n := range []int{0, 1, 30} {
		b, err := EncodePack(nil, []Packed{{Raw: []byte(strings.Repeat(small135, n)), Received: 7}})
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte("RPK1\x01\x80\x80\x80\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := DecodePack(b)
		if err != nil {
			return
		}
		again, err := EncodePack(nil, events)
		if err != nil {
			return // the varints of the original may be shorter than ours
		}
		back, err := DecodePack(again)
		require.NoError(t, err)
		require.Len(t, back, len(events))
		for i := range events {
			require.True(t, bytes.Equal(events[i].Raw, back[i].Raw))
		}
	})
}
