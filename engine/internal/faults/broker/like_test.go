package broker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// both asks the real server and this one the same things.
type both struct {
	t    *testing.T
	real *nats.Conn
	fake *nats.Conn
	said []string
}

func connectBoth(t *testing.T) *both {
	srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), NoListen: true, Durability: natsd.Process})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Stop(context.Background())) })
	b := &both{t: t}
	b.real, err = srv.Connect("one")
	require.NoError(t, err)
	t.Cleanup(b.real.Close)
	fake := broker.New()
	t.Cleanup(fake.Close)
	b.fake, err = nats.Connect("nats://memory", nats.InProcessServer(fake.Link("one")))
	require.NoError(t, err)
	t.Cleanup(b.fake.Close)
	for _, nc := range []*nats.Conn{b.real, b.fake} {
		js, err := jetstream.New(nc)
		require.NoError(t, err)
		_, err = journal.EnsureStreams(t.Context(), js, journal.Config{Partitions: 2, MaxBytes: 30_000})
		require.NoError(t, err)
		_, err = js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "T"})
		require.NoError(t, err)
	}
	return b
}

// answer is what of an answer must be the same.
type answer struct {
	Stream    string `json:"stream"`
	Seq       uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
	Purged    uint64 `json:"purged"`
	Success   bool   `json:"success"`
	Error     *struct {
		ErrCode int `json:"err_code"`
	} `json:"error"`
	Message *struct {
		Subject string `json:"subject"`
		Seq     uint64 `json:"seq"`
		Data    []byte `json:"data"`
	} `json:"message"`
	State *struct {
		Msgs  uint64 `json:"messages"`
		First uint64 `json:"first_seq"`
		Last  uint64 `json:"last_seq"`
	} `json:"state"`
}

func ask(nc *nats.Conn, m *nats.Msg) string {
	got, err := nc.RequestMsg(m, 5*time.Second)
	if err != nil {
		return err.Error()
	}
	var a answer
	if len(got.Data) == 0 {
		return "status " + got.Header.Get("Status")
	}
	if !strings.HasPrefix(string(got.Data), "{") {
		return fmt.Sprintf("%s of %s", got.Data, got.Header.Get("Nats-Sequence"))
	}
	if err := json.Unmarshal(got.Data, &a); err != nil {
		return err.Error()
	}
	b, _ := json.Marshal(a) // plain fields
	return string(b)
}

// request asks both and demands the same answer.
func (b *both) request(subject, body string, header ...string) {
	b.t.Helper()
	msg := func() *nats.Msg {
		m := nats.NewMsg(subject)
		m.Data = []byte(body)
		for i := 0; i+1 < len(header); i += 2 {
			m.Header.Set(header[i], header[i+1])
		}
		return m
	}
	want, got := ask(b.real, msg()), ask(b.fake, msg())
	b.said = append(b.said, fmt.Sprintf("%s %.60s %v → %s", subject, body, header, want))
	require.Equal(b.t, want, got, "%s", strings.Join(b.said, "\n"))
}

// send publishes to both without asking for an answer.
func (b *both) send(subject, body string, header ...string) {
	b.t.Helper()
	for _, nc := range []*nats.Conn{b.real, b.fake} {
		m := nats.NewMsg(subject)
		m.Data = []byte(body)
		for i := 0; i+1 < len(header); i += 2 {
			m.Header.Set(header[i], header[i+1])
		}
		require.NoError(b.t, nc.PublishMsg(m))
	}
	b.said = append(b.said, fmt.Sprintf("%s %s %v", subject, body, header))
}

const (
	expect = "Nats-Expected-Last-Subject-Sequence"
	id     = "Nats-Batch-Id"
	seq    = "Nats-Batch-Sequence"
	end    = "Nats-Batch-Commit"
)

// TestBroker_AnswersLikeTheServer puts the same requests to the real server and
// to this one: the ones that the protocol rests on, and random ones.
func TestBroker_AnswersLikeTheServer(t *testing.T) {
	b := connectBoth(t)
	j, last := journal.RecordSubject(0), "$JS.API.STREAM.MSG.GET.RIPEN_JOURNAL"
	b.request(last, `{"last_by_subj":"ripen.j.0"}`)
	b.request(j, "one", expect, "0")
	b.request(j, "two", expect, "0")
	b.request(j, "two", expect, "1")
	b.request(last, `{"last_by_subj":"ripen.j.0"}`)
	b.request(last, `{"seq":1}`)
	b.request(last, `{"seq":99}`)

	b.send("ripen.out.w.a", "d1", id, "x", seq, "1")
	b.send("ripen.out.w.a", "d2", id, "x", seq, "2")
	b.request(last, `{"last_by_subj":"ripen.out.w.a"}`)
	b.request(j, "three", id, "x", seq, "3", end, "1", expect, "2")
	b.request(last, `{"last_by_subj":"ripen.out.w.a"}`)
	b.send("ripen.out.w.a", "stale", id, "y", seq, "1")
	b.request(j, "stale", id, "y", seq, "2", end, "1", expect, "2") // the whole batch falls
	b.request(last, `{"last_by_subj":"ripen.out.w.a"}`)
	b.send("ripen.out.w.a", "gap", id, "z", seq, "1")
	b.request(j, "gap", id, "z", seq, "3", end, "1", expect, "5")
	b.request(j, "never begun", id, "q", seq, "2", end, "1", expect, "5")
	b.request(j, "with an id", id, "r", seq, "1", end, "1", "Nats-Msg-Id", "m")
	b.request(j, "with an id that was there", id, "rr", seq, "1", end, "1", "Nats-Msg-Id", "m")
	b.request(j, "alone", id, "s", seq, "1", end, "1", expect, "6")
	b.request("$JS.API.STREAM.INFO.RIPEN_JOURNAL", "")
	b.send("ripen.j.0", "for two", id, "t", seq, "1", expect, "7") // two fences in one batch
	b.request("ripen.j.1", "for two", id, "t", seq, "2", end, "1", expect, "0")
	b.request(last, `{"last_by_subj":"ripen.j.1"}`)

	ev := journal.EventSubject(0)
	b.request(ev, "e1", "Nats-Msg-Id", "a")
	b.request(ev, "e1", "Nats-Msg-Id", "a")
	b.request(ev, "e2", "Nats-Msg-Id", "b")
	b.request(ev, "atomic", id, "u", seq, "1", end, "1")
	b.request(journal.ControlSubject, "tick", expect, "0")
	b.request(journal.ControlSubject, "tick", expect, "0")
	b.request(ev, strings.Repeat("x", 40_000))
	b.request("$JS.API.STREAM.INFO.RIPEN_EVENTS", "")
	b.request("$JS.API.STREAM.INFO.NONE", "")
	b.request("$JS.API.CONSUMER.INFO.RIPEN_EVENTS.none", "")
	b.request("$JS.API.CONSUMER.MSG.NEXT.RIPEN_EVENTS.none", "")
	b.request("nobody.listens", "")

	b.request("$KV.T.k", "v1")
	b.request("$KV.T.k", "v2", expect, "1")
	b.request("$JS.API.DIRECT.GET.KV_T.$KV.T.k", "")
	b.request("$JS.API.DIRECT.GET.KV_T.$KV.T.none", "")
	b.request("$JS.API.STREAM.PURGE.RIPEN_JOURNAL", `{"filter":"ripen.j.0","keep":1}`)
	b.request("$JS.API.STREAM.PURGE.RIPEN_JOURNAL", `{"filter":"ripen.out.>","seq":4}`)
	b.request("$JS.API.STREAM.MSG.DELETE.RIPEN_JOURNAL", `{"seq":4}`)
	b.request(last, `{"last_by_subj":"ripen.j.0"}`)
	b.request("$JS.API.STREAM.INFO.RIPEN_JOURNAL", "")
	b.random(t, 400)
}

// random asks for what engines ask for, with right and wrong expectations.
func (b *both) random(t *testing.T, n int) {
	rng := rand.New(rand.NewPCG(1, 1))
	heads := map[string]uint64{}
	for i := range n {
		subject := journal.RecordSubject(rng.IntN(2))
		want := heads[subject]
		if rng.IntN(4) == 0 {
			want = uint64(rng.IntN(30))
		}
		switch rng.IntN(4) {
		case 0:
			b.request("$JS.API.STREAM.MSG.GET.RIPEN_JOURNAL", fmt.Sprintf(`{"last_by_subj":%q}`, subject))
		case 1:
			b.request(subject, "single", expect, fmt.Sprint(want))
		default:
			name, parts := fmt.Sprint("b", i), rng.IntN(5)
			for k := range parts {
				if rng.IntN(20) > 0 { // or there is a gap
					b.send("ripen.out.w.a", fmt.Sprint("d", i), id, name, seq, fmt.Sprint(k+1))
				}
			}
			b.request(subject, "batch", id, name, seq, fmt.Sprint(parts+1), end, "1", expect, fmt.Sprint(want))
		}
		m, err := b.real.Request("$JS.API.STREAM.MSG.GET.RIPEN_JOURNAL", fmt.Appendf(nil, `{"last_by_subj":%q}`, subject), 5*time.Second)
		require.NoError(t, err)
		var a answer
		require.NoError(t, json.Unmarshal(m.Data, &a))
		if a.Message != nil {
			heads[subject] = a.Message.Seq
		}
	}
}
