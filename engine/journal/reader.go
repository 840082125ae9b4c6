package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// Message is one message of a stream.
type Message struct {
	Seq     uint64
	Time    int64 // when the stream stored it, ms since 1970 UTC
	Subject string
	Header  nats.Header // nil without
	Data    []byte
}

// ReaderOptions bound a Reader. The zero value means the defaults.
type ReaderOptions struct {
	// MaxBatch is the most messages that Next returns, default 1,024.
	MaxBatch int
	// Prefetch is the most messages, PrefetchBytes roughly the most bytes,
	// that wait in memory; defaults 16,384 and 4 MiB.
	Prefetch      int
	PrefetchBytes int
	// Wake makes a Next that waits return without a message; nil is fine.
	Wake <-chan struct{}
}

func (o ReaderOptions) withDefaults() ReaderOptions {
	if o.MaxBatch <= 0 {
		o.MaxBatch = 1024
	}
	if o.Prefetch <= 0 {
		o.Prefetch = 16 << 10
	}
	if o.PrefetchBytes <= 0 {
		o.PrefetchBytes = 4 << 20
	}
	return o
}

const (
	heartbeat   = time.Second // of an open pull request without messages
	pullExpires = 30 * time.Second
	inactive    = 5 * time.Minute // after which the server drops the consumer
	firstPull   = 256
	leastPull   = 16
	slack       = 1024 // status messages that may wait beside the data
)

// source is what a Reader reads.
type source struct {
	stream  string
	filters []string
	from    uint64
	want    Identity // zero: any
}

// Reader reads messages in order, without acknowledging them: the position is
// the caller's, in its committed record. It makes its own consumer and makes a
// new one behind the last message handed over whenever order, connection,
// leader or server break. It belongs to one goroutine.
//
// The server is asked for as many messages as may wait, through a channel that
// the connection's own goroutine fills; so reading goes on while the caller
// works, and nothing is copied or locked per message.
type Reader struct {
	j    *Journal
	src  source
	opts ReaderOptions

	consumer string
	sub      *nats.Subscription
	in       chan *nats.Msg
	status   chan nats.Status
	next     string // subject of pull requests
	request  int    // size of the last pull
	open     int    // messages asked for and not yet received
	size     int    // running mean of message sizes
	seen     uint64 // last stream sequence handed over
	order    uint64 // last consumer sequence received
	reply    string // reply subject of the last message received
	batch    []Message
	closed   bool
	woken    bool
}

// NewReader reads the events of partition p and the control messages from
// pos.Seq on.
func (j *Journal) NewReader(ctx context.Context, p int, pos Position, o ReaderOptions) (*Reader, error) {
	return j.open(ctx, source{
		stream: EventsStream, filters: []string{EventSubject(p), ControlSubject},
		from: max(pos.Seq, 1), want: j.input,
	}, o)
}

func (j *Journal) open(ctx context.Context, src source, o ReaderOptions) (*Reader, error) {
	r := &Reader{j: j, src: src, opts: o.withDefaults(), seen: src.from - 1, size: 1}
	r.batch = make([]Message, 0, r.opts.MaxBatch)
	r.status = j.nc.StatusChanged(nats.CONNECTED)
	if err := r.restart(ctx, "new"); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Next returns at least one message, or waits for one, or for Wake. The slice is valid
// until the next call, the data for ever.
func (r *Reader) Next(ctx context.Context) ([]Message, error) {
	r.batch = r.batch[:0]
	if r.closed {
		return nil, ErrClosed
	}
	for r.woken = false; len(r.batch) == 0; {
		if r.consumer == "" {
			if err := r.restart(ctx, "consumer lost"); err != nil {
				return nil, err
			}
		}
		if err := r.pull(); err != nil {
			return nil, err
		}
		if err := r.wait(ctx); err != nil {
			return nil, err
		}
		if r.woken {
			return nil, nil
		}
	}
	r.drain()
	failpoint.Hit("read")
	return r.batch, nil
}

// Poll is Next for those who have other things to do: after some time without a
// message it returns none.
func (r *Reader) Poll(ctx context.Context, wait time.Duration) ([]Message, error) {
	if r.closed {
		return nil, ErrClosed
	}
	if r.consumer == "" {
		if err := r.restart(ctx, "consumer lost"); err != nil {
			return nil, err
		}
	}
	if len(r.in) == 0 {
		if err := r.pull(); err != nil || wait == 0 {
			return nil, err
		}
	}
	bounded, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	msgs, err := r.Next(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return msgs, err
}

// wait blocks until something happens. A server that is silent for longer than
// two heartbeats has lost the consumer.
func (r *Reader) wait(ctx context.Context) error {
	select { // the usual case costs no timer
	case m := <-r.in:
		r.take(m)
		return nil
	default:
	}
	t := time.NewTimer(2*heartbeat + heartbeat/2)
	defer t.Stop()
	select {
	case m := <-r.in:
		r.take(m)
		return nil
	case <-r.status:
		return r.restart(ctx, "connected again")
	case <-r.opts.Wake:
		r.woken = true
		return nil
	case <-t.C:
		return r.restart(ctx, "no heartbeat")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain takes what has arrived already, up to a full batch.
func (r *Reader) drain() {
	for len(r.batch) < r.opts.MaxBatch {
		select {
		case m := <-r.in:
			if !r.take(m) {
				return
			}
		default:
			return
		}
	}
}

// take accepts a message or gives the consumer up: what is good is handed
// over, and the next call starts again behind it.
func (r *Reader) take(m *nats.Msg) bool {
	if r.accept(m) {
		return true
	}
	r.drop()
	return false
}

// accept adds a message to the batch. It returns false if the consumer is of
// no more use.
func (r *Reader) accept(m *nats.Msg) bool {
	if len(m.Reply) == 0 || m.Reply[0] != '$' {
		return r.control(m)
	}
	seq, order, at, ok := parseAck(m.Reply)
	if !ok || order != r.order+1 {
		return false
	}
	r.order, r.seen, r.reply = order, seq, m.Reply
	r.open--
	r.size += (len(m.Data) - r.size) / 16
	r.batch = append(r.batch, Message{Seq: seq, Time: at, Subject: m.Subject, Header: m.Header, Data: m.Data})
	return true
}

// control reads a status message. Only one that gives back what is left of a
// pull request leaves the consumer usable.
func (r *Reader) control(m *nats.Msg) bool {
	switch m.Header.Get("Status") {
	case "100":
		return true
	case "408", "409":
		left, err := strconv.Atoi(m.Header.Get("Nats-Pending-Messages"))
		if err != nil {
			return false
		}
		r.open -= left
		return true
	}
	return false
}

// pull asks for more once half of what may wait is used up.
func (r *Reader) pull() error {
	credit := min(r.opts.Prefetch, r.opts.PrefetchBytes/max(r.size, 1))
	// The mean needs a few messages before it says anything.
	credit = max(leastPull, min(credit, 2*r.request))
	if r.open > credit/2 {
		return nil
	}
	n := credit - r.open
	body := make([]byte, 0, 96)
	body = append(body, `{"batch":`...)
	body = strconv.AppendInt(body, int64(n), 10)
	body = append(body, `,"expires":`...)
	body = strconv.AppendInt(body, int64(pullExpires), 10)
	body = append(body, `,"idle_heartbeat":`...)
	body = strconv.AppendInt(body, int64(heartbeat), 10)
	body = append(body, '}')
	if err := r.j.nc.PublishRequest(r.next, r.sub.Subject, body); err != nil {
		if errors.Is(err, nats.ErrConnectionClosed) {
			return ErrClosed
		}
		return nil // reconnecting; the status channel wakes us
	}
	r.open += n
	r.request = credit
	return nil
}

// restart makes a new consumer, for as long as it takes.
func (r *Reader) restart(ctx context.Context, why string) error {
	r.j.cfg.Logger.Debug("reader starts again", "filters", r.src.filters, "behind", r.seen, "why", why)
	return r.j.patiently(ctx, "reader of "+r.src.stream, r.start)
}

// start makes the consumer behind the last message handed over.
func (r *Reader) start(ctx context.Context) error {
	r.drop()
	if err := r.check(ctx); err != nil {
		return err
	}
	name := "rd-" + nuid.Next()
	cfg := jetstream.ConsumerConfig{
		Name: name, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.seen + 1,
		InactiveThreshold: inactive,
	}
	if len(r.src.filters) == 1 {
		cfg.FilterSubject = r.src.filters[0]
	} else {
		cfg.FilterSubjects = r.src.filters
	}
	if _, err := r.j.js.CreateConsumer(ctx, r.src.stream, cfg); err != nil {
		return fmt.Errorf("reader of %s: %w", r.src.stream, err)
	}
	in := make(chan *nats.Msg, r.opts.Prefetch+slack)
	sub, err := r.j.nc.ChanSubscribe(nats.NewInbox(), in)
	if err != nil {
		return fmt.Errorf("reader of %s: %w", r.src.stream, err)
	}
	r.consumer, r.sub, r.in = name, sub, in
	r.next = r.j.api("CONSUMER.MSG.NEXT." + r.src.stream + "." + name)
	r.open, r.order, r.request = 0, 0, firstPull
	return nil
}

// check makes sure that the stream is the one that was read before.
func (r *Reader) check(ctx context.Context) error {
	info, err := r.j.info(ctx, r.src.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w: %s is gone", ErrReplaced, r.src.stream)
	}
	if err != nil {
		return err
	}
	if id := identityOf(info); r.src.want != (Identity{}) && id != r.src.want {
		return fmt.Errorf("%w: %s was created at %d ns, expected %d ns", ErrReplaced, id.Name, id.Created, r.src.want.Created)
	}
	if info.State.LastSeq < r.seen {
		return fmt.Errorf("%w: %s ends at sequence %d, %d was read", ErrInputLost, info.Config.Name, info.State.LastSeq, r.seen)
	}
	if first := info.State.FirstSeq; first > r.seen+1 && r.seen > 0 {
		r.j.cfg.Logger.Warn("history begins behind the position: messages between were removed by age or by hand",
			"stream", info.Config.Name, "position", r.seen+1, "first", first)
	}
	return nil
}

// drop forgets the consumer; the server is told, but not waited for.
func (r *Reader) drop() {
	if r.sub != nil {
		_ = r.sub.Unsubscribe() // fails only on a connection that is gone, and the subscription with it
		r.sub = nil
	}
	if r.consumer != "" && r.j.nc.IsConnected() {
		// Without an answer: the server drops an unused consumer by itself too.
		_ = r.j.nc.Publish(r.j.api("CONSUMER.DELETE."+r.src.stream+"."+r.consumer), nil)
	}
	r.consumer = ""
}

// Passed says that there is nothing to read up to a sequence, so that a new
// consumer begins behind it.
func (r *Reader) Passed(seq uint64) { r.seen = max(r.seen, seq) }

// Behind is how many messages the stream had behind the last one handed over,
// when the server sent that.
func (r *Reader) Behind() int64 {
	tokens, at := strings.Split(r.reply, "."), 8 // see parseAck
	if len(tokens) > 9 {
		at = 10
	}
	if len(tokens) <= at {
		return 0
	}
	n, _ := strconv.ParseInt(tokens[at], 10, 64)
	return n
}

// Close ends the reader.
func (r *Reader) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.drop()
	r.j.nc.RemoveStatusListener(r.status)
}

// parseAck reads stream sequence, consumer sequence and time (ms) from a reply
// subject, in its short form
// $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<ns>.<pending> or with
// domain and account hash behind ACK.
func parseAck(reply string) (seq, order uint64, at int64, ok bool) {
	const short, long = 8, 10 // dots
	dots := 0
	for i := 0; i < len(reply); i++ {
		if reply[i] == '.' {
			dots++
		}
	}
	first := 5
	if dots >= long {
		first = 7
	} else if dots != short {
		return 0, 0, 0, false
	}
	var n [3]uint64
	token := 0
	for i := 0; i < len(reply); i++ {
		c := reply[i]
		if c == '.' {
			token++
			continue
		}
		if k := token - first; k >= 0 && k < len(n) {
			if c < '0' || c > '9' {
				return 0, 0, 0, false
			}
			n[k] = n[k]*10 + uint64(c-'0')
		}
	}
	return n[0], n[1], int64(n[2] / 1e6), n[0] > 0 && n[1] > 0
}
