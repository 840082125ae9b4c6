package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
)

// site is a data folder with a real server, and the engines on it.
type site struct {
	t     *testing.T
	work  *engine.Workflow
	data  string
	opts  engine.Options
	acked map[string]bool
	sent  int
}

func newSite(t *testing.T, o engine.Options) *site {
	s := &site{t: t, work: load(t, countingWorkflow), data: t.TempDir(), opts: o, acked: map[string]bool{}}
	s.opts.Workflow, s.opts.Data, s.opts.Port = s.work, s.data, -1
	if s.opts.Partitions == 0 {
		s.opts.Partitions = 1
	}
	return s
}

// start starts an engine with an embedded server.
func (s *site) start() *engine.Engine {
	s.t.Helper()
	e, err := engine.New(s.t.Context(), s.opts)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = stop(e) })
	return e
}

func stop(e *engine.Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return e.Stop(ctx)
}

// serve starts the server alone, for engines that reach it through a wire.
func (s *site) serve() *natsd.Server {
	s.t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: s.data, NoListen: true, Durability: natsd.Process, Users: []natsd.User{{Name: "root", Password: "x", Admin: true}}})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = srv.Stop(context.Background()) })
	return srv
}

// over starts an engine that reaches a server through a wire.
func (s *site) over(w *wire) *engine.Engine {
	s.t.Helper()
	o := s.opts
	o.NATS = "nats://wire"
	o.NATSOptions = []nats.Option{nats.InProcessServer(w), nats.UserInfo("root", "x"), nats.ReconnectWait(20 * time.Millisecond)}
	e, err := engine.New(s.t.Context(), o)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { w.let(); _ = stop(e) })
	return e
}

// send sends lines to ripen.in until they are accepted.
func (s *site) send(nc *nats.Conn, lines ...string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		a, err := ask(nc, lines...)
		return err == nil && a.Error == nil && a.Accepted == len(lines)
	}, 30*time.Second, 50*time.Millisecond)
	for _, l := range lines {
		s.acked[idOf(l)] = true
	}
}

func ask(nc *nats.Conn, lines ...string) (a ingest.Answer, err error) {
	m, err := nc.Request("ripen.in", []byte(strings.Join(lines, "\n")), 10*time.Second)
	if err == nil {
		err = json.Unmarshal(m.Data, &a)
	}
	return a, err
}

// events are new events, each of a lead of its own from the first on.
func (s *site) events(n int) (lines []string) {
	for i := range n {
		s.sent++
		lines = append(lines, event(fmt.Sprint("e", s.sent), fmt.Sprint("lead-", i), "Seen", time.Now()))
	}
	return lines
}

// scored waits until nothing that is stored is unscored.
func (s *site) scored(nc *nats.Conn) {
	s.t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	j, err := journal.Open(s.t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool {
		for p := range j.Partitions() {
			var end, pos uint64
			if m, err := lastOf(s.t.Context(), js, journal.EventsStream, journal.EventSubject(p)); err == nil {
				end = m.Sequence
			}
			if j.Records(s.t.Context(), p, func(r journal.Record) error { pos = r.Pos.Seq; return nil }) != nil || pos <= end && end > 0 {
				return false
			}
		}
		return true
	}, 60*time.Second, 20*time.Millisecond)
}

func lastOf(ctx context.Context, js jetstream.JetStream, stream, subject string) (*jetstream.RawStreamMsg, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.GetLastMsgForSubject(ctx, subject)
}

// check reads the folder, which nobody uses any more, and holds it against what
// must be there. It returns the number of decisions.
func (s *site) check(again bool) int {
	s.t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: s.data, NoListen: true, Durability: natsd.Process})
	require.NoError(s.t, err)
	nc, err := srv.Connect("audit")
	require.NoError(s.t, err)
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	j, err := journal.Open(s.t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(s.t, err)
	last := make([]journal.Record, j.Partitions())
	for p := range last {
		require.NoError(s.t, j.Records(s.t.Context(), p, func(r journal.Record) error { last[p] = r; return nil }))
	}
	a := &audit{t: s.t, work: s.work, opts: s.opts, acked: s.acked, again: again, failed: s.t.Errorf,
		messages: func(stream, filter string) []broker.Message { return messages(s.t, nc, stream, filter) }}
	n := a.check(last)
	nc.Close()
	require.NoError(s.t, srv.Stop(context.Background()))
	if !again {
		s.verify()
	}
	return n
}

// messages are what a stream holds under a filter, with the time at which it
// was stored.
func messages(t *testing.T, nc *nats.Conn, stream, filter string) (out []broker.Message) {
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	c, err := js.OrderedConsumer(t.Context(), stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
	require.NoError(t, err)
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	for left := int(info.NumPending); left > 0; {
		batch, err := c.Fetch(min(left, 500), jetstream.FetchMaxWait(5*time.Second))
		require.NoError(t, err)
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			require.NoError(t, err)
			out = append(out, broker.Message{Seq: meta.Sequence.Stream, At: meta.Timestamp, Subject: m.Subject(), Data: m.Data()})
			left--
		}
		require.NoError(t, batch.Error())
	}
	return out
}

// verify is `ripen journal verify`.
func (s *site) verify() {
	s.t.Helper()
	o := s.opts
	o.NATS, o.NATSOptions = "", nil
	r, err := engine.Verify(s.t.Context(), o, engine.VerifyOptions{})
	require.NoError(s.t, err)
	require.Empty(s.t, r.Problems)
}

// wire is the way of one process to a server; it looks at what is sent and can
// lose, hold and cut it. It is a nats.InProcessConnProvider.
type wire struct {
	srv *natsd.Server

	mu     sync.Mutex
	more   *sync.Cond
	conns  []net.Conn
	sees   func(p []byte) trick // what to do with bytes that the client sends
	mute   bool                 // answers are lost
	ice    bool                 // nothing moves, in either direction
	slow   time.Duration
	struck int // how often sees did something
}

// trick is what a wire does with bytes of the client.
type trick uint8

const (
	pass  trick = iota
	halve       // half of them arrive, then the connection is cut
	deaf        // they arrive, what is answered from now on is lost
	chill       // they wait, and so does everything else
)

func newWire(srv *natsd.Server) *wire {
	w := &wire{srv: srv}
	w.more = sync.NewCond(&w.mu)
	return w
}

// when lets do happen to the first bytes that hold all of the marks.
func (w *wire) when(do trick, marks ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sees = func(p []byte) trick {
		for _, m := range marks {
			if !bytes.Contains(p, []byte(m)) {
				return pass
			}
		}
		w.sees = nil
		w.struck++
		return do
	}
}

// hits is how often something happened.
func (w *wire) hits() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.struck
}

// let lets everything pass again.
func (w *wire) let() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute, w.ice, w.sees, w.slow = false, false, nil, 0
	w.more.Broadcast()
}

// cut ends the connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
	w.more.Broadcast()
}

// InProcessConn connects.
func (w *wire) InProcessConn() (net.Conn, error) {
	c, err := w.srv.InProcessConn()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	return &wired{Conn: c, w: w}, nil
}

// wired is one connection over a wire.
type wired struct {
	net.Conn
	w *wire
}

// Write looks at what the client sends.
func (c *wired) Write(p []byte) (int, error) {
	w := c.w
	w.mu.Lock()
	do := pass
	if w.sees != nil {
		do = w.sees(p)
	}
	switch do {
	case deaf:
		w.mute = true
	case chill:
		w.ice = true
	}
	for w.ice {
		w.more.Wait()
	}
	slow := w.slow
	w.mu.Unlock()
	time.Sleep(slow)
	if do == halve {
		n, _ := c.Conn.Write(p[:len(p)/2])
		_ = c.Conn.Close()
		return n, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// Read loses or holds what the server answers.
func (c *wired) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		w := c.w
		w.mu.Lock()
		for w.ice {
			w.more.Wait()
		}
		mute := w.mute
		w.mu.Unlock()
		if err != nil || !mute {
			return n, err
		}
	}
}

// records are those of a partition, verified.
func (s *site) records(nc *nats.Conn, p int) (list []journal.Record) {
	s.t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	j, err := journal.Open(s.t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(s.t, err)
	require.NoError(s.t, j.Records(s.t.Context(), p, func(r journal.Record) error { list = append(list, r); return nil }))
	return list
}

// store publishes lines as one message of partition 0, past every engine.
func (s *site) store(nc *nats.Conn, lines ...string) {
	s.t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	_, err = js.Publish(s.t.Context(), journal.EventSubject(0), []byte(strings.Join(lines, "\n")))
	require.NoError(s.t, err)
	for _, l := range lines {
		s.acked[idOf(l)] = true
	}
}

// fresh are events of leads that nobody has seen so far: each decides.
func (s *site) fresh(n int) (lines []string) {
	for range n {
		s.sent++
		lines = append(lines, event(fmt.Sprint("f", s.sent), fmt.Sprint("fresh-", s.sent), "Seen", time.Now()))
	}
	return lines
}

// shutdown ends engines, and then their server.
func (s *site) shutdown(srv *natsd.Server, engines ...*engine.Engine) {
	s.t.Helper()
	for _, e := range engines {
		if err := stop(e); err != nil {
			require.ErrorIs(s.t, err, journal.ErrFenced)
		}
	}
	require.NoError(s.t, srv.Stop(context.Background()))
}

// decisions are all that the folder holds, in order.
func (s *site) decisions() []lead.Decision {
	s.t.Helper()
	o := s.opts
	snap, err := engine.Inspect(s.t.Context(), o)
	require.NoError(s.t, err)
	defer snap.Close()
	return snap.Decisions
}

// admin is a client with all rights.
func (s *site) admin(srv *natsd.Server) (*nats.Conn, jetstream.JetStream) {
	s.t.Helper()
	nc, err := srv.Connect("admin")
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	return nc, js
}

// decisionIDs are the ids of all decisions that the folder holds.
func (s *site) decisionIDs() map[string]bool {
	s.t.Helper()
	srv := s.serve()
	nc, _ := s.admin(srv)
	ids := map[string]bool{}
	for _, m := range messages(s.t, nc, journal.JournalStream, "ripen.out.>") {
		var d lead.Decision
		require.NoError(s.t, json.Unmarshal(m.Data, &d))
		ids[d.ID] = true
	}
	nc.Close()
	require.NoError(s.t, srv.Stop(context.Background()))
	return ids
}

// damage harms a record of partition 0 that has others behind it.
func (s *site) damage(how string) {
	s.t.Helper()
	srv := s.serve()
	nc, js := s.admin(srv)
	stream, err := js.Stream(s.t.Context(), journal.JournalStream)
	require.NoError(s.t, err)
	list := messages(s.t, nc, journal.JournalStream, journal.RecordSubject(0))
	require.Greater(s.t, len(list), 4)
	from := len(list) / 2
	if how == "missing" {
		require.NoError(s.t, stream.DeleteMsg(s.t.Context(), list[from].Seq))
	} else { // the same records again, a byte of one changed
		for _, m := range list[from:] {
			require.NoError(s.t, stream.DeleteMsg(s.t.Context(), m.Seq))
		}
		list[from].Data[len(list[from].Data)-2] ^= 1
		for _, m := range list[from:] {
			_, err := js.Publish(s.t.Context(), m.Subject, m.Data)
			require.NoError(s.t, err)
		}
	}
	nc.Close()
	require.NoError(s.t, srv.Stop(context.Background()))
}

// report is what `ripen journal verify` says; an error if there is a problem.
func (s *site) report() (*engine.VerifyReport, error) {
	r, err := engine.Verify(s.t.Context(), s.opts, engine.VerifyOptions{})
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("%v", r.Problems)
	}
	return r, err
}

// ofPartition are events of new leads of one partition.
func (s *site) ofPartition(p, n int) (list []string) {
	for len(list) < n {
		s.sent++
		who := fmt.Sprint("fresh-", s.sent)
		if lead.Partition(who, s.opts.Partitions) == p {
			list = append(list, event(fmt.Sprint("f", s.sent), who, "Seen", time.Now()))
		}
	}
	return list
}
