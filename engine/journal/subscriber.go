package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// SubscribeSubject is where clients ask for a durable consumer of decisions.
// They cannot make one themselves: the server would let a consumer publish on
// any subject, with its own rights.
const SubscribeSubject = "ripen.subscribe"

// MaxSubscribers bounds the consumers that clients can make.
const MaxSubscribers = 256

// Anybody may subscribe, so that places must come free again: a subscriber that
// asks for nothing for so long is forgotten, and when all places are taken one
// that never asked for anything since it was made makes room.
const (
	forgotten = 90 * 24 * time.Hour
	idleGrace = time.Minute
)

var (
	nameRule   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	filterRule = regexp.MustCompile(`^([A-Za-z0-9_-]+|\*)(\.([A-Za-z0-9_-]+|\*))*(\.>)?$|^>$`)
)

// ErrSubscriber says that a durable consumer cannot be made as asked.
var ErrSubscriber = errors.New("subscriber is not accepted")

// Subscriber is a durable consumer of decisions: pull only, acknowledged one
// by one.
type Subscriber struct {
	// Name of the consumer on RIPEN_JOURNAL.
	Name string `json:"name"`
	// Filter is what follows ripen.out. in the subject: "b2b.handoff", "b2b.>".
	// Empty means ">".
	Filter string `json:"filter,omitempty"`
	// From is "new" (default: decisions made from now on) or "all".
	From string `json:"from,omitempty"`
}

// EnsureSubscriber makes a durable consumer of decisions. One of that name and
// filter that exists is left as it is, with its position.
func (j *Journal) EnsureSubscriber(ctx context.Context, s Subscriber) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	have, err := j.js.Consumer(ctx, JournalStream, s.Name)
	if err == nil {
		if f := have.CachedInfo().Config.FilterSubject; f != cfg.FilterSubject {
			return fmt.Errorf("%w: %q exists with the filter %q, asked for %q; take another name", ErrSubscriber, s.Name, f, cfg.FilterSubject)
		}
		return nil
	}
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("subscriber %q: %w", s.Name, err)
	}
	info, err := j.info(ctx, JournalStream)
	if err != nil {
		return err
	}
	if info.State.Consumers >= MaxSubscribers {
		if err := j.makeRoom(ctx, idleGrace); err != nil {
			return err
		}
	}
	if _, err = j.js.CreateConsumer(ctx, JournalStream, cfg); err != nil {
		return fmt.Errorf("subscriber %q: %w", s.Name, err)
	}
	return nil
}

// Subscribed is a durable consumer of decisions as it stands.
type Subscribed struct {
	Name    string `json:"name"`
	Filter  string `json:"filter"` // as in Subscriber
	Created int64  `json:"created"`
	// Used is when it was handed a decision last, ms; 0 = never.
	// A server that was restarted has forgotten when, but not Known.
	Used    int64  `json:"used,omitempty"`
	Known   bool   `json:"known"`   // it was handed decisions, now or before a restart
	Waiting uint64 `json:"waiting"` // decisions that it has not been handed
	Unacked int    `json:"unacked"` // that it was handed and has not acknowledged
	Asking  bool   `json:"asking"`  // it waits for decisions just now
}

// Subscribers lists the durable consumers of decisions, by name.
func (j *Journal) Subscribers(ctx context.Context) (list []Subscribed, err error) {
	s, err := j.js.Stream(ctx, JournalStream)
	if err != nil {
		return nil, wrap(JournalStream, err)
	}
	all := s.ListConsumers(ctx)
	for c := range all.Info() {
		if c.Config.Durable == "" {
			continue
		}
		one := Subscribed{Name: c.Name, Filter: strings.TrimPrefix(c.Config.FilterSubject, decisionPrefix), Created: c.Created.UnixMilli(),
			Waiting: c.NumPending, Unacked: c.NumAckPending, Asking: c.NumWaiting > 0 || c.PushBound,
			Known: c.Delivered.Consumer > 0 || c.AckFloor.Consumer > 0}
		for _, at := range []*time.Time{c.Delivered.Last, c.AckFloor.Last} {
			if at != nil {
				one.Used = max(one.Used, at.UnixMilli())
			}
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Subscribed) int { return strings.Compare(a.Name, b.Name) })
	return list, wrap(JournalStream, all.Err())
}

// RemoveSubscriber forgets a durable consumer of decisions and its position.
func (j *Journal) RemoveSubscriber(ctx context.Context, name string) error {
	if !nameRule.MatchString(name) {
		return fmt.Errorf("%w: name %.80q, expected 1 to 64 letters, digits, - or _", ErrSubscriber, name)
	}
	err := j.js.DeleteConsumer(ctx, JournalStream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("%w: there is no %q", ErrSubscriber, name)
	}
	return wrap(JournalStream, err)
}

// makeRoom forgets the oldest subscriber that nobody has used.
func (j *Journal) makeRoom(ctx context.Context, grace time.Duration) error {
	list, err := j.Subscribers(ctx)
	if err != nil {
		return err
	}
	var oldest *Subscribed
	for i := range list {
		s := &list[i]
		if !s.Known && !s.Asking && time.Since(time.UnixMilli(s.Created)) > grace && (oldest == nil || s.Created < oldest.Created) {
			oldest = s
		}
	}
	if oldest == nil {
		return fmt.Errorf("%w: there are %d already, at most %d fit; the operator removes those that nobody needs with ripen subscribers remove",
			ErrSubscriber, len(list), MaxSubscribers)
	}
	j.cfg.Logger.Warn("all places of subscribers are taken; the oldest that was never used is removed", "subscriber", oldest.Name)
	return j.RemoveSubscriber(ctx, oldest.Name)
}

func (s Subscriber) config() (jetstream.ConsumerConfig, error) {
	cfg := jetstream.ConsumerConfig{Durable: s.Name, AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: forgotten}
	if !nameRule.MatchString(s.Name) {
		return cfg, fmt.Errorf("%w: name %.80q, expected 1 to 64 letters, digits, - or _", ErrSubscriber, s.Name)
	}
	if s.Filter == "" {
		s.Filter = ">"
	}
	if len(s.Filter) > 256 || !filterRule.MatchString(s.Filter) {
		return cfg, fmt.Errorf("%w: filter %.80q, expected <workflow>.<action>, with * and > as wildcards", ErrSubscriber, s.Filter)
	}
	cfg.FilterSubject = decisionPrefix + s.Filter
	switch s.From {
	case "", "new":
		cfg.DeliverPolicy = jetstream.DeliverNewPolicy
	case "all":
		cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	default:
		return cfg, fmt.Errorf("%w: from %.80q, expected new or all", ErrSubscriber, s.From)
	}
	return cfg, nil
}

// subscribed is the answer on ripen.subscribe.
type subscribed struct {
	Stream   string `json:"stream,omitempty"`
	Consumer string `json:"consumer,omitempty"`
	Error    string `json:"error,omitempty"`
}

// ServeSubscribers answers ripen.subscribe with JSON Subscribers in requests,
// until the subscription is drained or the context ends.
func (j *Journal) ServeSubscribers(ctx context.Context) (*nats.Subscription, error) {
	sub, err := j.nc.QueueSubscribe(SubscribeSubject, "ripen", func(m *nats.Msg) {
		var s Subscriber
		err := json.Unmarshal(m.Data, &s)
		if err != nil {
			err = fmt.Errorf("%w: expected {\"name\": …, \"filter\": …, \"from\": …}: %w", ErrSubscriber, err)
		} else {
			bounded, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
			err = j.EnsureSubscriber(bounded, s)
			cancel()
		}
		answer := subscribed{Stream: JournalStream, Consumer: s.Name}
		if err != nil {
			answer = subscribed{Error: err.Error()}
		}
		data, _ := json.Marshal(answer) // strings always marshal
		if err := m.Respond(data); err != nil {
			j.cfg.Logger.Debug("a subscriber gets no answer", "error", err)
		}
	})
	if err == nil {
		err = j.nc.Flush() // the server knows of it before a client asks
	}
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", SubscribeSubject, err)
	}
	return sub, nil
}
