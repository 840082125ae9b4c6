package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// SubscribeSubject is where clients ask for a durable consumer of decisions.
// They cannot make one themselves: the server would let a consumer publish on
// any subject, with its own rights.
const SubscribeSubject = "ripen.subscribe"

// maxSubscribers bounds the consumers that clients can make.
const maxSubscribers = 256

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
	if info.State.Consumers >= maxSubscribers {
		return fmt.Errorf("%w: there are %d already, at most %d fit", ErrSubscriber, info.State.Consumers, maxSubscribers)
	}
	if _, err = j.js.CreateConsumer(ctx, JournalStream, cfg); err != nil {
		return fmt.Errorf("subscriber %q: %w", s.Name, err)
	}
	return nil
}

func (s Subscriber) config() (jetstream.ConsumerConfig, error) {
	cfg := jetstream.ConsumerConfig{Durable: s.Name, AckPolicy: jetstream.AckExplicitPolicy}
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
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", SubscribeSubject, err)
	}
	return sub, nil
}
