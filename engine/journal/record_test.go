package journal

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() Record {
	return Record{
		Kind: KindCommit, Epoch: 3, Number: 17, Owner: "me", Prev: 99, Input: Identity{"RIPEN_EVENTS", 1234567890},
		Pos: Position{Seq: 1 << 40, Index: 7, Due: -5, Lead: "ada"}, InputSeq: 1<<40 - 1, InputHash: HashInput([]byte("x")),
		Clock: 1_700_000_000_000, Newest: 1_767_225_600_000,
		Lineages: []Lineage{
			{ID: 1 << 33, Workflow: "w", Release: 7, Bundle: "aa", Model: "bb", Role: RoleLive, Origin: "empty", WasRelease: 6, WasBundle: "x", WasModel: "y", Delta: bytes.Repeat([]byte("delta "), 100), Health: []byte{0, 1}},
			{ID: 1<<33 + 1, Workflow: "w", Release: 8, Model: "cc", Role: RoleBuilding, Origin: "history", Cut: 5, Pos: Position{Seq: 9, Index: 3}, Clock: 77},
			{ID: 1<<33 + 2, Workflow: "x", Release: 1, Model: "dd", Role: RoleShadow, Origin: "fork", Until: 1_700_000_000_001},
		},
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for name, r := range map[string]Record{"full": sample(), "empty": {Kind: KindClaim}} {
		t.Run(name, func(t *testing.T) {
			before := [32]byte{9}
			data, chain := r.encode(new(scratch), before)
			got, err := decodeRecord(data)
			require.NoError(t, err)
			require.Equal(t, chain, got.Chain)
			require.Equal(t, chain, chainOf(before, got.Sum))
			want := r
			want.Chain = chain
			require.Equal(t, want, got)
		})
	}
}

func TestRecordIsCompressed(t *testing.T) {
	r := sample()
	r.Lineages[0].Delta = bytes.Repeat([]byte("lead state "), 10_000)
	data, _ := r.encode(new(scratch), [32]byte{})
	require.Less(t, len(data), len(r.Lineages[0].Delta)/5)
}

func TestDamagedRecordsAreErrors(t *testing.T) {
	r := sample()
	data, _ := r.encode(new(scratch), [32]byte{})
	for n := range data {
		_, err := decodeRecord(data[:n])
		require.Error(t, err, "cut at %d", n)
	}
	for name, change := range map[string]func([]byte){
		"magic": func(b []byte) { b[0] = 'X' }, "newer version": func(b []byte) { b[2] = recordVersion + 1 }, "coding": func(b []byte) { b[3] = 9 },
	} {
		bad := bytes.Clone(data)
		change(bad)
		_, err := decodeRecord(bad)
		require.ErrorIs(t, err, errRecord, name)
	}
	_, err := decodeRecord(append(plain(&r), 0))
	require.ErrorContains(t, err, "behind the end")
}

// plain encodes without compression.
func plain(r *Record) []byte {
	b := append([]byte{magic[0], magic[1], recordVersion, codingPlain}, make([]byte, 32)...)
	return r.appendBody(b)
}

// A decoder of hostile bytes neither panics nor allocates without bound, and
// what it reads it writes again as it was.
func FuzzDecodeRecord(f *testing.F) {
	r, empty := sample(), Record{Kind: KindClaim}
	packed, _ := r.encode(new(scratch), [32]byte{})
	f.Add(packed)
	f.Add(plain(&r))
	f.Add(plain(&empty))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		again := r.appendBody(nil)
		var r2 Record
		d := decoder{b: again}
		d.record(&r2)
		if d.err != nil {
			t.Fatalf("own encoding is refused: %v", d.err)
		}
		if !bytes.Equal(again, r2.appendBody(nil)) {
			t.Fatalf("%+v is read as %+v", r, r2)
		}
		if body, err := unwrap(data); err != nil || len(again) > len(body) {
			t.Fatalf("canonical encoding has %d bytes, input %d", len(again), len(body))
		}
	})
}

func deltaOf(b []byte) []Lineage { return []Lineage{{ID: 1, Workflow: "w", Role: RoleLive, Delta: b}} }

func deltaIn(r *Record) string {
	if len(r.Lineages) == 0 {
		return ""
	}
	return string(r.Lineages[0].Delta)
}

func TestParseAck(t *testing.T) {
	for reply, want := range map[string][3]uint64{
		"$JS.ACK.S.c.1.42.7.1700000000123456789.0":                 {42, 7, 1700000000123},
		"$JS.ACK.dom.hash.S.c.1.42.7.1700000000123456789.0":        {42, 7, 1700000000123},
		"$JS.ACK.dom.hash.S.c.1.42.7.1700000000123456789.0.random": {42, 7, 1700000000123},
	} {
		seq, order, at, ok := parseAck(reply)
		require.True(t, ok, reply)
		require.Equal(t, want, [3]uint64{seq, order, uint64(at)}, reply)
	}
	for _, reply := range []string{"", "$JS.ACK", "$JS.ACK.S.c.1.x.7.1.0", "$JS.ACK.S.c.1.0.0.0.0", "_INBOX.1"} {
		_, _, _, ok := parseAck(reply)
		require.False(t, ok, reply)
	}
}
