package journal

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

func TestFragments(t *testing.T) {
	const out, rec, rej = "ripen.out.w.a", "ripen.j.1", "ripen.rejected.1"
	type m struct {
		seq     uint64
		subject string
		batch   string
	}
	for name, c := range map[string]struct {
		messages []m
		torn     []uint64
	}{
		"whole batches":                         {[]m{{1, out, "a"}, {2, rec, "a"}, {3, out, "b"}, {4, rej, "b"}, {5, rec, "b"}, {6, rec, ""}}, nil},
		"a shared one":                          {[]m{{1, out, "a"}, {2, rec, "a"}, {3, out, "a"}, {4, rec, "a"}, {5, rec, ""}}, nil},
		"torn, then a claim":                    {[]m{{1, out, "a"}, {2, out, "a"}, {3, rec, ""}}, []uint64{1, 2}},
		"torn in the second share":              {[]m{{1, out, "a"}, {2, rec, "a"}, {3, out, "a"}, {4, rec, ""}}, []uint64{3}},
		"torn, then another batch":              {[]m{{7, out, "a"}, {8, out, "b"}, {9, rec, "b"}}, []uint64{7}},
		"torn behind a record":                  {[]m{{6, rec, ""}, {7, out, "a"}, {8, out, "b"}, {9, rec, "b"}}, []uint64{7}},
		"twice":                                 {[]m{{1, out, "a"}, {2, rec, ""}, {3, out, "b"}, {4, rec, ""}}, []uint64{1, 3}},
		"a purged record is no sign":            {[]m{{1, out, "a"}, {3, out, "b"}, {5, out, "c"}, {6, rec, "c"}}, nil},
		"a purged record, then torn":            {[]m{{1, out, "a"}, {3, out, "a"}, {4, rec, ""}}, []uint64{3}},
		"nor those in a batch":                  {[]m{{1, rej, "door-1"}, {2, rej, "door-1"}, {3, rec, ""}, {4, rej, "door-2"}, {5, out, "a"}, {6, rec, "a"}}, nil},
		"rejected at the door belong to nobody": {[]m{{1, rej, ""}, {2, rej, ""}, {3, rec, ""}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var f fragments
			for _, one := range c.messages {
				one.batch = strings.Replace(one.batch, "door-", lead.RejectedBatch, 1)
				msg := Message{Seq: one.seq, Subject: one.subject}
				if one.batch != "" {
					msg.Header = nats.Header{headerBatchID: {one.batch}}
				}
				f.note(&msg)
			}
			require.Equal(t, c.torn, f.torn)
		})
	}
}

// Two partitions find the same fragment, and both remove it.
func TestRemove_WhatIsGoneAlready(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	_, err := pt.Commit(t.Context(), outputs(3, "d"), Record{})
	require.NoError(t, err)
	for _, seq := range []uint64{3, 2} { // of the claim, three outputs and the record
		require.NoError(t, b.j.remove(t.Context(), seq))
		require.NoError(t, b.j.remove(t.Context(), seq), "again")
		require.Len(t, b.stored("ripen.out.>"), int(seq)-1)
	}
	require.NoError(t, b.j.remove(t.Context(), 99), "never there")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, b.j.remove(ctx, 4), "not known to be gone")
	require.Len(t, b.stored("ripen.out.>"), 1)
}
