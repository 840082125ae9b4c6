package natsd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// house is a server with streams as the engine makes them, one decision and a
// durable consumer of decisions.
type house struct {
	s      *Server
	engine *nats.Conn
	js     jetstream.JetStream
}

func newHouse(t *testing.T, o Options) house {
	t.Helper()
	s := start(t, o)
	nc, js := connect(t, s)
	for _, cfg := range []jetstream.StreamConfig{
		{Name: "RIPEN_EVENTS", Subjects: []string{"ripen.ev.*", "ripen.ctl"}},
		{Name: "RIPEN_JOURNAL", Subjects: []string{"ripen.j.*", "ripen.out.>", "ripen.rejected.*"},
			RePublish: &jetstream.RePublish{Source: "ripen.out.>", Destination: "ripen.decisions.>"}},
	} {
		_, err := js.CreateStream(t.Context(), cfg)
		require.NoError(t, err)
	}
	_, err := js.CreateConsumer(t.Context(), "RIPEN_JOURNAL", jetstream.ConsumerConfig{
		Durable: "crm", FilterSubject: "ripen.out.>", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	return house{s, nc, js}
}

// door is the engine's connection in the clients' account.
func (h house) door(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := h.s.ConnectDoor("test")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// client connects as whoever opts say and collects what the server refuses.
func (h house) client(t *testing.T, opts ...nats.Option) (*nats.Conn, func() []error) {
	t.Helper()
	var mu sync.Mutex
	var refused []error
	opts = append(opts, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, err)
	}))
	nc, err := nats.Connect(h.s.URL(), opts...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, func() []error {
		mu.Lock()
		defer mu.Unlock()
		return append([]error(nil), refused...)
	}
}

func (h house) last(t *testing.T, stream string) uint64 {
	t.Helper()
	st, err := h.js.Stream(t.Context(), stream)
	require.NoError(t, err)
	return st.CachedInfo().State.LastSeq
}

func TestAnonymousSendsEvents(t *testing.T) {
	h := newHouse(t, Options{})
	nc, _ := h.client(t)
	door := h.door(t)
	_, err := door.Subscribe("ripen.in", func(m *nats.Msg) { _ = m.Respond([]byte("ok " + string(m.Data))) })
	require.NoError(t, err)
	require.NoError(t, door.Flush())

	answer, err := nc.Request("ripen.in", []byte("hello"), 5*time.Second)
	require.NoError(t, err)
	require.Equal(t, "ok hello", string(answer.Data))

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	ack, err := js.Publish(t.Context(), "ripen.ev.3", []byte("event"))
	require.NoError(t, err)
	require.Equal(t, "RIPEN_EVENTS", ack.Stream)
	require.EqualValues(t, 1, ack.Sequence)
}

// An event on a subject that is no partition would never be read.
func TestEventsOfNoPartitionAreRefused(t *testing.T) {
	h := newHouse(t, Options{Partitions: 4})
	nc, refused := h.client(t)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for p := range 4 {
		_, err = js.Publish(t.Context(), fmt.Sprint("ripen.ev.", p), []byte("event"))
		require.NoError(t, err)
	}
	for i, subject := range []string{"ripen.ev.4", "ripen.ev.9", "ripen.ev.x", "ripen.ev.00", "ripen.ev.*"} {
		require.NoError(t, nc.Publish(subject, []byte("event")))
		require.NoError(t, nc.Flush())
		require.Eventually(t, func() bool { return len(refused()) > i }, 5*time.Second, 5*time.Millisecond, subject)
	}
	require.EqualValues(t, 4, h.last(t, "RIPEN_EVENTS"))
}

func TestAnonymousReadsDecisions(t *testing.T) {
	h := newHouse(t, Options{})
	nc, _ := h.client(t)
	live, err := nc.SubscribeSync("ripen.decisions.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for range 3 {
		_, err = h.js.Publish(t.Context(), "ripen.out.b2b.handoff", []byte("decision"))
		require.NoError(t, err)
	}
	m, err := live.NextMsg(5 * time.Second)
	require.NoError(t, err)
	require.Equal(t, "ripen.decisions.b2b.handoff", m.Subject)

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	cons, err := js.Consumer(t.Context(), "RIPEN_JOURNAL", "crm")
	require.NoError(t, err)
	batch, err := cons.Fetch(3, jetstream.FetchMaxWait(5*time.Second))
	require.NoError(t, err)
	n := 0
	for msg := range batch.Messages() {
		require.Equal(t, "decision", string(msg.Data()))
		require.NoError(t, msg.Ack())
		n++
	}
	require.NoError(t, batch.Error())
	require.Equal(t, 3, n)
	require.Eventually(t, func() bool {
		info, err := cons.Info(t.Context())
		return err == nil && info.AckFloor.Stream == 3 && info.NumAckPending == 0
	}, 5*time.Second, 20*time.Millisecond, "acks of a client count")
}

func TestAnonymousIsRefusedEverythingElse(t *testing.T) {
	h := newHouse(t, Options{})
	_, err := h.js.Publish(t.Context(), "ripen.out.b2b.handoff", []byte("decision"))
	require.NoError(t, err)
	nc, refused := h.client(t)
	create := `{"stream_name":"RIPEN_JOURNAL","config":{"name":"spy","deliver_subject":"ripen.ctl","headers_only":true,"ack_policy":"none","filter_subject":"ripen.out.>"}}`
	subjects := map[string]string{
		"ripen.ctl": "{}", "ripen.j.0": "x", "ripen.out.b2b.handoff": "x", "ripen.rejected.0": "x",
		"ripen.decisions.b2b.handoff": "x", "ripen.ev.0.1": "x",
		"$JS.API.STREAM.DELETE.RIPEN_JOURNAL":                   "",
		"$JS.API.STREAM.PURGE.RIPEN_EVENTS":                     "",
		"$JS.API.STREAM.MSG.DELETE.RIPEN_EVENTS":                `{"seq":1}`,
		"$JS.API.STREAM.MSG.GET.RIPEN_JOURNAL":                  `{"last_by_subj":"ripen.j.0"}`,
		"$JS.API.STREAM.UPDATE.RIPEN_JOURNAL":                   `{"name":"RIPEN_JOURNAL"}`,
		"$JS.API.STREAM.CREATE.MINE":                            `{"name":"MINE","subjects":["mine"]}`,
		"$JS.API.STREAM.INFO.RIPEN_JOURNAL":                     "",
		"$JS.API.CONSUMER.CREATE.RIPEN_JOURNAL":                 create,
		"$JS.API.CONSUMER.CREATE.RIPEN_JOURNAL.spy.ripen.out.>": create,
		"$JS.API.CONSUMER.DURABLE.CREATE.RIPEN_JOURNAL.spy":     create,
		"$JS.API.CONSUMER.DELETE.RIPEN_JOURNAL.crm":             "",
		"$JS.API.CONSUMER.MSG.NEXT.RIPEN_EVENTS.x":              "1",
		"$SYS.REQ.SERVER.PING":                                  "",
	}
	for subject, body := range subjects {
		before := len(refused())
		reply, err := nc.Request(subject, []byte(body), 150*time.Millisecond)
		require.Error(t, err, "%s answered %v", subject, reply)
		require.Eventually(t, func() bool { return len(refused()) > before }, 5*time.Second, 5*time.Millisecond,
			"%s is a permissions violation", subject)
	}
	for _, subject := range []string{">", "ripen.>", "ripen.ctl", "ripen.j.*", "ripen.in", "ripen.out.>", "$JS.>", "_R_.>"} {
		before := len(refused())
		_, err := nc.SubscribeSync(subject)
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		require.Eventually(t, func() bool { return len(refused()) > before }, 5*time.Second, 5*time.Millisecond, subject)
	}
	for _, e := range refused() {
		require.True(t, errors.Is(e, nats.ErrPermissionViolation), "%v", e)
	}
	require.EqualValues(t, 0, h.last(t, "RIPEN_EVENTS"))
	require.EqualValues(t, 1, h.last(t, "RIPEN_JOURNAL"))
}

// A reply subject is published on with the rights of whoever answers. None of
// them may reach the engine's account.
func TestReplySubjectsCannotReachTheEngine(t *testing.T) {
	h := newHouse(t, Options{})
	door := h.door(t)
	var asked atomic.Int64
	_, err := door.Subscribe("ripen.in", func(m *nats.Msg) { asked.Add(1); _ = m.Respond([]byte("an answer")) })
	require.NoError(t, err)
	require.NoError(t, door.Flush())
	var mu sync.Mutex
	var seen []string
	_, err = h.engine.Subscribe(">", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, m.Subject)
	})
	require.NoError(t, err)
	require.NoError(t, h.engine.Flush())

	nc, _ := h.client(t)
	targets := []string{"ripen.ctl", "ripen.j.0", "ripen.out.a.b", "$JS.API.STREAM.DELETE.RIPEN_JOURNAL",
		"$JS.API.STREAM.PURGE.RIPEN_EVENTS", "$JS.API.CONSUMER.DELETE.RIPEN_JOURNAL.crm"}
	next, err := json.Marshal(map[string]any{"batch": 1, "no_wait": true})
	require.NoError(t, err)
	for _, to := range targets {
		require.NoError(t, nc.PublishRequest("ripen.in", to, nil))
		require.NoError(t, nc.PublishRequest("ripen.ev.0", to, nil))
		require.NoError(t, nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.RIPEN_JOURNAL.crm", to, next))
		require.NoError(t, nc.PublishRequest("$JS.API.CONSUMER.INFO.RIPEN_JOURNAL.crm", to, nil))
		require.NoError(t, nc.PublishRequest("$JS.ACK.RIPEN_JOURNAL.crm.1.1.1.1.0", to, []byte("+NXT")))
	}
	// Nor are the engine's own answers taken for what a client says.
	own := []string{"ripen.in", "ripen.ev.1", "ripen.subscribe"}
	for _, to := range own {
		require.NoError(t, nc.PublishRequest("ripen.in", to, nil))
	}
	require.NoError(t, nc.Flush())
	require.Eventually(t, func() bool { return h.last(t, "RIPEN_EVENTS") == uint64(len(targets)) }, 5*time.Second, 20*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	<-ctx.Done() // status messages of the consumer come late
	require.EqualValues(t, len(targets), h.last(t, "RIPEN_EVENTS"), "only the events themselves are stored")
	require.EqualValues(t, 0, h.last(t, "RIPEN_JOURNAL"))
	mu.Lock()
	defer mu.Unlock()
	require.EqualValues(t, len(targets)+len(own), asked.Load(), "an answer is no event")
	for _, to := range append(targets, own...) {
		require.NotContains(t, seen, to)
	}
}

// The connection at the door may hear events and answer, and nothing else.
func TestTheDoorMayNothingElse(t *testing.T) {
	h := newHouse(t, Options{})
	var mu sync.Mutex
	refused := 0
	door, err := h.s.ConnectDoor("test", nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, nats.ErrPermissionViolation) {
			refused++
		}
	}))
	require.NoError(t, err)
	t.Cleanup(door.Close)
	for i, subject := range []string{"ripen.in", "ripen.ev.0", "ripen.ctl", "ripen.subscribe", "$JS.API.INFO", "ripen.decisions.a.b"} {
		require.NoError(t, door.Publish(subject, []byte("x")))
		require.NoError(t, door.Flush())
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return refused == i+1 }, 5*time.Second, time.Millisecond, subject)
	}
	_, err = door.SubscribeSync("ripen.decisions.>")
	require.NoError(t, err)
	require.NoError(t, door.Flush())
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return refused == 7 }, 5*time.Second, time.Millisecond)
	require.EqualValues(t, 0, h.last(t, "RIPEN_EVENTS"))
}

func TestUsersReplaceTheAnonymous(t *testing.T) {
	h := newHouse(t, Options{Users: []User{
		{Name: "crm", Password: "p w$1"}, {Name: "root", Password: "x", Admin: true}}})
	_, err := nats.Connect(h.s.URL())
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = nats.Connect(h.s.URL(), nats.UserInfo("crm", "wrong"))
	require.ErrorIs(t, err, nats.ErrAuthorization)

	nc, refused := h.client(t, nats.UserInfo("crm", "p w$1"))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "ripen.ev.0", []byte("event"))
	require.NoError(t, err)
	require.NoError(t, nc.Publish("ripen.ctl", nil))
	require.NoError(t, nc.Flush())
	require.Eventually(t, func() bool { return len(refused()) == 1 }, 5*time.Second, 5*time.Millisecond)

	admin, _ := h.client(t, nats.UserInfo("root", "x"))
	ajs, err := jetstream.New(admin)
	require.NoError(t, err)
	_, err = ajs.Stream(t.Context(), "RIPEN_JOURNAL")
	require.NoError(t, err)
}
