package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
)

const partitions = 4

type bench struct {
	t   testing.TB
	srv *natsd.Server
	js  jetstream.JetStream
	in  *Ingest
}

func newBench(t testing.TB, cfg journal.Config, change func(*Options)) *bench {
	t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Port: -1, Durability: natsd.Process})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, srv.Stop(ctx))
	})
	nc, err := srv.Connect("engine")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	cfg.Partitions = partitions
	_, err = journal.Open(t.Context(), js, cfg)
	require.NoError(t, err)
	door, err := srv.ConnectDoor("door")
	require.NoError(t, err)
	t.Cleanup(door.Close)
	o := Options{Conn: nc, Doors: []*nats.Conn{door}, JS: js, Partitions: partitions, Now: func() int64 { return 1_700_000_000_000 }}
	if change != nil {
		change(&o)
	}
	in, err := New(o)
	require.NoError(t, err)
	require.NoError(t, in.Start())
	b := &bench{t: t, srv: srv, js: js, in: in}
	t.Cleanup(b.close)
	return b
}

func (b *bench) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(b.t, b.in.Close(ctx))
}

// client is an anonymous producer.
func (b *bench) client() *nats.Conn {
	b.t.Helper()
	nc, err := nats.Connect(b.srv.URL())
	require.NoError(b.t, err)
	b.t.Cleanup(nc.Close)
	return nc
}

func ask(t testing.TB, nc *nats.Conn, body string) Answer {
	t.Helper()
	m, err := nc.Request(Subject, []byte(body), 20*time.Second)
	require.NoError(t, err)
	var a Answer
	require.NoError(t, json.Unmarshal(m.Data, &a), string(m.Data))
	return a
}

func event(who, id string) string {
	return fmt.Sprintf(`{"type":"track","event":"Email Opened","messageId":%q,"userId":%q,"timestamp":"2024-05-01T10:00:00Z"}`, id, who)
}

// stored are all messages of a stream.
func (b *bench) stored(stream string) []*jetstream.RawStreamMsg {
	b.t.Helper()
	s, err := b.js.Stream(b.t.Context(), stream)
	require.NoError(b.t, err)
	st := s.CachedInfo().State
	var out []*jetstream.RawStreamMsg
	for seq := st.FirstSeq; seq <= st.LastSeq && st.Msgs > 0; seq++ {
		m, err := s.GetMsg(b.t.Context(), seq)
		require.NoError(b.t, err)
		out = append(out, m)
	}
	return out
}

// events decodes what the stream holds, by lead, and checks the partitions.
func (b *bench) events() map[string][]string {
	b.t.Helper()
	ids := map[string][]string{}
	dec := intake.NewDecoder(intake.Options{})
	for _, m := range b.stored(eventsStream) {
		require.NoError(b.t, intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
			ev, bad := dec.Decode(raw, received)
			require.Nil(b.t, bad)
			require.EqualValues(b.t, 1_700_000_000_000, received)
			require.Equal(b.t, journal.EventSubject(lead.Partition(ev.Lead, partitions)), m.Subject)
			who := strings.Clone(ev.Lead)
			ids[who] = append(ids[who], strings.Clone(ev.ID))
		}))
	}
	return ids
}

func TestOneEventAnArrayAndLines(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	nc := b.client()
	require.Equal(t, Answer{Accepted: 1, Rejected: []Rejection{}}, ask(t, nc, event("ada", "1")))
	require.Equal(t, 2, ask(t, nc, "["+event("ada", "2")+","+event("bob", "3")+"]").Accepted)
	require.Equal(t, 2, ask(t, nc, event("ada", "4")+"\n"+event("cy", "5")+"\n").Accepted)
	require.Equal(t, map[string][]string{"ada": {"1", "2", "4"}, "bob": {"3"}, "cy": {"5"}}, b.events())
}

func TestAnswerShape(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	m, err := b.client().Request(Subject, []byte(event("ada", "1")+"\n"+`{"messageId":"7","userId":"ada"}`), 5*time.Second)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(m.Data, &got))
	require.EqualValues(t, 1, got["accepted"])
	bad := got["rejected"].([]any)[0].(map[string]any)
	require.EqualValues(t, 1, bad["index"])
	require.Equal(t, "7", bad["id"])
	require.Equal(t, intake.CodeNoType, bad["code"])
	require.NotEmpty(t, bad["reason"])
	require.NotContains(t, got, "error")
}

func TestRejectedEventsAreKept(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	a := ask(t, b.client(), `[{"type":"track","messageId":"x","userId":"ada","timestamp":"2024-05-01T10:00:00Z"},17,`+event("bob", "2")+`]`)
	require.Equal(t, 1, a.Accepted)
	require.Nil(t, a.Error)
	require.Len(t, a.Rejected, 2)
	require.Equal(t, intake.CodeNoEvent, a.Rejected[0].Code)
	require.Equal(t, intake.CodeNotObject, a.Rejected[1].Code)

	kept := map[string]lead.Rejected{}
	for _, m := range b.stored(journal.JournalStream) {
		var r lead.Rejected
		require.NoError(t, json.Unmarshal(m.Data, &r))
		require.Equal(t, journal.RejectedSubject(lead.Partition(r.Lead, partitions)), m.Subject)
		kept[r.Code] = r
	}
	require.Len(t, kept, 2)
	require.Equal(t, "ada", kept[intake.CodeNoEvent].Lead)
	require.Equal(t, "17", string(kept[intake.CodeNotObject].Raw))
}

func TestManyRejectedEventsAreListedInPart(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	a := ask(t, b.client(), strings.Repeat("17\n", maxListed+5))
	require.Len(t, a.Rejected, maxListed)
	require.Equal(t, 5, a.MoreRejected)
	require.Len(t, b.stored(journal.JournalStream), maxListed+5, "all are kept")
}

func TestEmptyRequest(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	for _, body := range []string{"", "  \n "} {
		a := ask(t, b.client(), body)
		require.Equal(t, CodeEmpty, a.Error.Code)
		require.Zero(t, a.Accepted)
	}
}

func TestCloudEvent(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	m, err := b.client().RequestMsg(&nats.Msg{Subject: Subject, Data: []byte(`{"type":"track","event":"Email Opened"}`), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"c1"}, "ce-source": {"/crm"}, "ce-type": {"x"}, "ce-subject": {"ada"}, "ce-time": {"2024-05-01T10:00:00Z"}}}, 5*time.Second)
	require.NoError(t, err)
	require.JSONEq(t, `{"accepted":1,"rejected":[]}`, string(m.Data))
	require.Equal(t, map[string][]string{"ada": {"c1"}}, b.events())

	m, err = b.client().RequestMsg(&nats.Msg{Subject: Subject, Data: []byte(`{}`), Header: nats.Header{"ce-specversion": {"0.1"}}}, 5*time.Second)
	require.NoError(t, err)
	require.Contains(t, string(m.Data), intake.CodeCloudEvent)
}

func TestEventsOfAProducerStayInOrder(t *testing.T) {
	b := newBench(t, journal.Config{}, func(o *Options) { o.MaxPack = 700 })
	nc := b.client()
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	var want []string
	for i := range 300 { // without waiting for answers
		id := fmt.Sprint(i)
		want = append(want, id)
		require.NoError(t, nc.PublishRequest(Subject, inbox, []byte(event("ada", id))))
	}
	for range 300 {
		m, err := sub.NextMsg(10 * time.Second)
		require.NoError(t, err)
		require.JSONEq(t, `{"accepted":1,"rejected":[]}`, string(m.Data))
	}
	require.Equal(t, want, b.events()["ada"])
	require.Greater(t, len(b.stored(eventsStream)), 300/8, "packs are cut by size")
}

func TestRequestsShareAPack(t *testing.T) {
	b := newBench(t, journal.Config{}, func(o *Options) { o.Linger = 300 * time.Millisecond })
	var wg sync.WaitGroup
	for i := range 50 {
		nc := b.client()
		wg.Add(1)
		go func() {
			defer wg.Done()
			m, err := nc.Request(Subject, []byte(event("ada", fmt.Sprint(i))), 10*time.Second)
			if err != nil || !bytes.Contains(m.Data, []byte(`"accepted":1`)) {
				t.Errorf("%v %s", err, m.Data)
			}
		}()
	}
	wg.Wait()
	require.Less(t, len(b.stored(eventsStream)), 10)
	require.Len(t, b.events()["ada"], 50)
}

func TestPublish(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	var events [][]byte
	for i := range 20_000 {
		events = append(events, []byte(event(fmt.Sprint("lead-", i%100), fmt.Sprint(i))))
	}
	events = append(events, []byte("{"))
	a, err := b.in.Publish(t.Context(), events)
	require.NoError(t, err)
	require.Equal(t, 20_000, a.Accepted)
	require.Len(t, a.Rejected, 1)
	require.Equal(t, 20_000, a.Rejected[0].Index)
	total := 0
	for _, ids := range b.events() {
		total += len(ids)
	}
	require.Equal(t, 20_000, total)
}

func TestBusyIsAnAnswerNotALoss(t *testing.T) {
	b := newBench(t, journal.Config{}, func(o *Options) { o.MaxQueued = 400; o.Linger = 500 * time.Millisecond })
	nc := b.client()
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, nc.PublishRequest(Subject, inbox, []byte(event("ada", fmt.Sprint(i)))))
	}
	accepted, busy := 0, 0
	for range 10 {
		m, err := sub.NextMsg(10 * time.Second)
		require.NoError(t, err)
		var a Answer
		require.NoError(t, json.Unmarshal(m.Data, &a))
		if a.Error == nil {
			accepted += a.Accepted
			continue
		}
		require.Equal(t, CodeBusy, a.Error.Code)
		require.Positive(t, a.Error.RetryAfter)
		busy++
	}
	require.Equal(t, 10, accepted+busy)
	require.Positive(t, accepted)
	require.Positive(t, busy)
	require.Len(t, b.events()["ada"], accepted)

	a, err := b.in.Accept(t.Context(), []byte(event("ada", "again")))
	require.NoError(t, err)
	require.Equal(t, 1, a.Accepted, "room comes back")
	var many [][]byte
	for i := range 50 {
		many = append(many, []byte(event("bob", fmt.Sprint(i))))
	}
	a, err = b.in.Publish(t.Context(), many)
	require.NoError(t, err)
	require.Equal(t, 50, a.Accepted, "a giant waits until it is alone")
}

func TestFullStreamIsRefusedBeforeItIsFull(t *testing.T) {
	b := newBench(t, journal.Config{MaxBytes: 100_000}, nil)
	_, err := b.js.Publish(t.Context(), journal.EventSubject(0), make([]byte, 96_000))
	require.NoError(t, err)
	require.NoError(t, b.in.guard.check(t.Context()))
	a := ask(t, b.client(), event("ada", "1"))
	require.Equal(t, CodeStreamFull, a.Error.Code)
	require.Zero(t, a.Accepted)
	_, err = b.js.Publish(t.Context(), journal.ControlSubject, []byte(`{"type":"tick","at":1}`))
	require.NoError(t, err, "control messages still pass")
}

// Events that come faster than the guard looks stop at the bound all the same.
func TestRoomForControlMessagesIsKept(t *testing.T) {
	const most = 200_000
	b := newBench(t, journal.Config{MaxBytes: most}, nil)
	refused := 0
	for i := 0; refused < 20 && i < 10_000; i++ {
		body := fmt.Sprintf(`{"type":"track","event":"%x","messageId":"%d","userId":"l%d","timestamp":"2024-05-01T10:00:00Z"}`, make([]byte, 700), i, i)
		a, err := b.in.Accept(t.Context(), []byte(body))
		require.NoError(t, err)
		if a.Error != nil {
			require.Equal(t, CodeStreamFull, a.Error.Code)
			require.Positive(t, a.Error.RetryAfter)
			refused++
		}
	}
	require.Equal(t, 20, refused)
	s, err := b.js.Stream(t.Context(), eventsStream)
	require.NoError(t, err)
	used := s.CachedInfo().State.Bytes
	require.Less(t, used, uint64(most/100*fullPercent+1))
	require.Greater(t, used, uint64(most/100*60), "and no earlier than near it")
	for i := range 20 {
		_, err = b.js.Publish(t.Context(), journal.ControlSubject, fmt.Appendf(nil, `{"type":"tick","at":%d}`, i))
		require.NoError(t, err, "control messages still pass")
	}
}

// Requests that wait to be read are bounded in bytes, however large each is.
func TestWaitingRequestsAreBoundedInBytes(t *testing.T) {
	hold := make(chan struct{})
	b := newBench(t, journal.Config{}, func(o *Options) {
		o.MaxQueued = 100_000
		o.Now = func() int64 { <-hold; return 1_700_000_000_000 }
	})
	nc := b.client()
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	large := "[" + event("ada", "1") + strings.Repeat(" ", 30_000) + "]"
	for range 8 {
		require.NoError(t, nc.PublishRequest(Subject, inbox, []byte(large)))
	}
	count := func(n int, code string) (accepted int) {
		for range n {
			m, err := sub.NextMsg(10 * time.Second)
			require.NoError(t, err)
			var a Answer
			require.NoError(t, json.Unmarshal(m.Data, &a))
			if code != "" {
				require.NotNil(t, a.Error)
				require.Equal(t, code, a.Error.Code)
			}
			accepted += a.Accepted
		}
		return accepted
	}
	require.Zero(t, count(5, CodeBusy), "three fit, the others are answered at once")
	close(hold)
	require.Equal(t, 3, count(3, ""))
	require.Equal(t, 1, ask(t, nc, event("ada", "2")).Accepted, "room comes back")
}

func TestAnOverrunStreamIsAnError(t *testing.T) {
	b := newBench(t, journal.Config{MaxBytes: 20_000}, nil)
	var events [][]byte
	for i := range 5000 {
		events = append(events, fmt.Appendf(nil, `{"type":"track","event":"%x","messageId":"%d","userId":"l%d","timestamp":"2024-05-01T10:00:00Z"}`,
			uint64(i)*0x9E3779B97F4A7C15, i, i))
	}
	a, err := b.in.Publish(t.Context(), events)
	require.NoError(t, err)
	require.NotNil(t, a.Error)
	require.Equal(t, CodeStreamFull, a.Error.Code)
	require.Equal(t, 5000, a.Accepted+a.Error.Events)
	total := 0
	for _, ids := range b.events() {
		total += len(ids)
	}
	require.Equal(t, a.Accepted, total, "accepted is what is there")
}

func TestDiskFloor(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	b := newBench(t, journal.Config{}, func(o *Options) {
		o.FreeBytes = func() (uint64, error) { return free.Load(), nil }
	})
	require.Equal(t, 1, ask(t, b.client(), event("ada", "1")).Accepted)
	free.Store(1 << 20)
	require.NoError(t, b.in.guard.check(t.Context()))
	require.Equal(t, CodeDiskLow, ask(t, b.client(), event("ada", "2")).Error.Code)
	a, err := b.in.Publish(t.Context(), [][]byte{[]byte(event("ada", "3"))})
	require.NoError(t, err)
	require.Equal(t, CodeDiskLow, a.Error.Code)
}

func TestRestartOfTheServerLosesNothing(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	done := make(chan Answer, 20)
	for i := range 20 {
		go func() {
			a, err := b.in.Publish(context.Background(), [][]byte{[]byte(event("ada", fmt.Sprint(i)))})
			if err != nil {
				a.Error = notStored(err)
			}
			done <- a
		}()
		if i == 10 {
			require.NoError(t, b.srv.Restart())
		}
	}
	for range 20 {
		require.Equal(t, Answer{Accepted: 1, Rejected: []Rejection{}}, <-done)
	}
	require.Len(t, b.events()["ada"], 20, "and stores nothing twice")
}

func TestCloseAnswersWhatItTook(t *testing.T) {
	b := newBench(t, journal.Config{}, func(o *Options) { o.Linger = time.Minute })
	nc := b.client()
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	for i := range 100 {
		require.NoError(t, nc.PublishRequest(Subject, inbox, []byte(event("ada", fmt.Sprint(i)))))
	}
	require.NoError(t, nc.Flush())
	b.close()
	for range 100 {
		m, err := sub.NextMsg(5 * time.Second)
		require.NoError(t, err)
		require.JSONEq(t, `{"accepted":1,"rejected":[]}`, string(m.Data))
	}
	require.Len(t, b.events()["ada"], 100)
	a, err := b.in.Accept(t.Context(), []byte(event("ada", "late")))
	require.NoError(t, err)
	require.Equal(t, CodeClosing, a.Error.Code)
	b.close()
}

func TestDirectPublishesAreReadAlike(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	js, err := jetstream.New(b.client())
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), journal.EventSubject(2), []byte(event("ada", "direct")))
	require.NoError(t, err)
	n := 0
	require.NoError(t, intake.Messages(b.stored(eventsStream)[0].Data, func(int, []byte, int64) { n++ }))
	require.Equal(t, 1, n)
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{})
	require.Error(t, err)
}

func BenchmarkPublish(b *testing.B) {
	h := newBench(b, journal.Config{}, nil)
	events := make([][]byte, 1000)
	for i := range events {
		events[i] = []byte(event(fmt.Sprint("lead-", i), fmt.Sprint(i)))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a, err := h.in.Publish(context.Background(), events); err != nil || a.Accepted != 1000 {
				b.Errorf("%v %+v", err, a)
			}
		}
	})
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
}

// bad is a request of n lines that are no events.
func bad(n int) []byte { return bytes.Repeat([]byte("x\n"), n) }

func TestTooManyEventsAreRefusedAsAWhole(t *testing.T) {
	b := newBench(t, journal.Config{}, func(o *Options) { o.MaxEvents = 100 })
	nc := b.client()
	many := make([]string, 101)
	for i := range many {
		many[i] = event("ada", fmt.Sprint(i))
	}
	for name, body := range map[string]string{
		"lines":           strings.Join(many, "\n"),
		"array":           "[" + strings.Join(many, ",") + "]",
		"batch":           `{"batch":[` + strings.Join(many, ",") + `]}`,
		"arrays in lines": many[0] + "\n[" + strings.Join(many[1:50], ",") + "]\n[" + strings.Join(many[50:], ",") + "]",
		"no events":       string(bad(101)),
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, nc, body)
			require.NotNil(t, a.Error)
			require.Equal(t, CodeTooMany, a.Error.Code)
			require.Equal(t, 101, a.Error.Events)
			require.Zero(t, a.Error.RetryAfter, "the same again is of no use")
			require.Contains(t, a.Error.Reason, "found 101 events in one request, expected at most 100")
			require.Zero(t, a.Accepted)
			require.Empty(t, a.Rejected)
		})
	}
	a, err := b.in.Accept(t.Context(), bad(101))
	require.NoError(t, err)
	require.Equal(t, CodeTooMany, a.Error.Code, "in process too")
	require.Empty(t, b.stored(journal.JournalStream), "nothing is kept")
	require.Empty(t, b.stored(eventsStream))
	require.Equal(t, 100, ask(t, nc, strings.Join(many[:100], "\n")).Accepted)
}

// A flood of requests that hold nothing but rubbish costs little memory, is
// answered, keeps nobody out, and is done with soon.
func TestAFloodOfBadLines(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	nc := b.client()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	a := ask(t, nc, string(bad(4<<20-1)))
	require.Equal(t, CodeTooMany, a.Error.Code, "8 MB of lines")
	before := heap()
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	const requests = 100
	for range requests {
		require.NoError(t, nc.PublishRequest(Subject, inbox, bad(DefaultMaxEvents)))
	}
	require.NoError(t, nc.Flush())
	require.Less(t, heap()-before, int64(100<<20), "a million bad lines")
	require.Equal(t, 1, ask(t, nc, event("ada", "1")).Accepted, "a good one passes")
	kept, busy := 0, 0
	for range requests {
		m, err := sub.NextMsg(30 * time.Second)
		require.NoError(t, err)
		var a Answer
		require.NoError(t, json.Unmarshal(m.Data, &a))
		if a.Error != nil {
			require.Equal(t, CodeBusy, a.Error.Code)
			busy++
			continue
		}
		require.Len(t, a.Rejected, maxListed)
		require.Equal(t, DefaultMaxEvents, len(a.Rejected)+a.MoreRejected)
		kept++
	}
	require.Positive(t, kept)
	require.Positive(t, busy)
	began := time.Now()
	b.close()
	require.Less(t, time.Since(began), 10*time.Second)
}

// A batch gives each event a copy of what they share: that counts too.
func TestWhatABatchSharesTakesRoom(t *testing.T) {
	b := newBench(t, journal.Config{}, func(o *Options) { o.MaxQueued = 1 << 20 })
	small := make([]string, 1000)
	for i := range small {
		small[i] = event("ada", fmt.Sprint(i))
	}
	batch := func(shared, n int) string {
		return `{"context":{"x":"` + strings.Repeat("x", shared) + `"},"batch":[` + strings.Join(small[:n], ",") + `]}`
	}
	a := ask(t, b.client(), batch(8000, 1000))
	require.NotNil(t, a.Error)
	require.Equal(t, CodeBusy, a.Error.Code, "8 MB of events where 1 MB may be on the way")
	require.Equal(t, 10, ask(t, b.client(), batch(8000, 10)).Accepted)
	require.Equal(t, 1000, ask(t, b.client(), batch(10, 1000)).Accepted, "room comes back")
}

// An event that is too large for any message is rejected for good, and its
// beginning kept.
func TestAGiantEventIsTooLarge(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	giant := event("ada", "1")
	giant = strings.Replace(giant, `{`, `{"x":"`+strings.Repeat("x", 8_000_000)+`",`, 1)
	a := ask(t, b.client(), giant)
	require.Nil(t, a.Error, "sending it again is of no use")
	require.Len(t, a.Rejected, 1)
	require.Equal(t, intake.CodeTooLarge, a.Rejected[0].Code)
	kept := b.stored(journal.JournalStream)
	require.Len(t, kept, 1)
	var r lead.Rejected
	require.NoError(t, json.Unmarshal(kept[0].Data, &r))
	require.Equal(t, giant[:256<<10], string(r.Raw))
	require.Contains(t, r.Reason, fmt.Sprintf("only its first 262144 of %d bytes are kept", len(giant)))
}

func TestAnswersStayBelowTheLargestMessage(t *testing.T) {
	a := Answer{Accepted: 3, Rejected: []Rejection{}}
	for i := range 1000 {
		a.Rejected = append(a.Rejected, Rejection{Index: i, Code: "c", Reason: strings.Repeat("\x01", 1000)})
	}
	whole, err := a.bounded(0)
	require.NoError(t, err)
	require.Greater(t, len(whole), 6_000_000)
	data, err := a.bounded(1 << 20)
	require.NoError(t, err)
	require.Less(t, len(data), 1<<20)
	var got Answer
	require.NoError(t, json.Unmarshal(data, &got))
	require.Len(t, got.Rejected, 125)
	require.Equal(t, 875, got.MoreRejected)
	require.Equal(t, 3, got.Accepted)
}

// Many rejected events go out together: the server syncs a batch once.
func TestRejectedEventsAreKeptTogether(t *testing.T) {
	b := newBench(t, journal.Config{}, nil)
	a := ask(t, b.client(), string(bad(3000)))
	require.Nil(t, a.Error)
	require.Equal(t, 3000, len(a.Rejected)+a.MoreRejected)
	batches := map[string]int{}
	for _, m := range b.stored(journal.JournalStream) {
		id := m.Header.Get(headerBatchID)
		require.True(t, strings.HasPrefix(id, lead.RejectedBatch))
		batches[id]++
		var r lead.Rejected
		require.NoError(t, json.Unmarshal(m.Data, &r))
		require.Equal(t, intake.CodeMalformed, r.Code)
	}
	total := 0
	for _, n := range batches {
		total += n
	}
	require.Equal(t, 3000, total)
	require.LessOrEqual(t, len(batches), 3000/rejectWindow+2)

	// A stream that takes no batches gets them one by one.
	s, err := b.js.Stream(t.Context(), journal.JournalStream)
	require.NoError(t, err)
	cfg := s.CachedInfo().Config
	cfg.AllowAtomicPublish = false
	_, err = b.js.UpdateStream(t.Context(), cfg)
	require.NoError(t, err)
	a = ask(t, b.client(), string(bad(20)))
	require.Nil(t, a.Error)
	require.Len(t, a.Rejected, 20)
	require.Len(t, b.stored(journal.JournalStream), 3020)
}
