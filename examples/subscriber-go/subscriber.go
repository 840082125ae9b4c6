package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// journal is the stream that holds the decisions.
const journal = "RIPEN_JOURNAL"

// subscriber turns decisions into tasks.
type subscriber struct {
	nc     *nats.Conn
	tasks  *tasks
	accept bool
}

// follow takes decisions until the context ends. It goes on where a
// subscriber of the same name stopped.
func (s *subscriber) follow(ctx context.Context, name, filter string) error {
	consumer, err := s.consumer(ctx, name, filter)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		msg, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		// A decision in hand is finished, also when asked to end.
		if err := s.handle(context.WithoutCancel(ctx), msg); err != nil {
			return err
		}
	}
}

// consumer asks the engine for a durable consumer. Asking again for the same
// changes nothing.
func (s *subscriber) consumer(ctx context.Context, name, filter string) (jetstream.Consumer, error) {
	ask, err := json.Marshal(map[string]string{"name": name, "filter": filter, "from": "all"})
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	reply, err := s.nc.RequestWithContext(bounded, "ripen.subscribe", ask)
	if err != nil {
		return nil, fmt.Errorf("ripen.subscribe: %w", err)
	}
	var answer struct{ Error string }
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return nil, fmt.Errorf("ripen.subscribe: %w", err)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	js, err := jetstream.New(s.nc)
	if err != nil {
		return nil, err
	}
	return js.Consumer(bounded, journal, name)
}

// decision is what a task needs of a decision; there is more in it.
type decision struct {
	ID       string `json:"id"`
	Lead     string `json:"lead"`
	Workflow string `json:"workflow"`
	Action   string `json:"action"`
	Summary  string `json:"summary"`
	Say      string `json:"say"`
}

// handle writes the task, then acknowledges. After a crash in between the
// decision comes again, and its id says that the task is there already.
func (s *subscriber) handle(ctx context.Context, msg jetstream.Msg) error {
	var d decision
	if err := json.Unmarshal(msg.Data(), &d); err != nil || d.ID == "" || d.ID != msg.Headers().Get("ce-id") {
		return msg.TermWithReason("not a decision") // it would never become one
	}
	if _, err := s.tasks.add(task{ID: d.ID, Lead: d.Lead, What: d.Action, Summary: d.Summary, Say: d.Say}); err != nil {
		return err // not acknowledged: it comes again
	}
	if s.accept {
		if err := s.answer(ctx, &d); err != nil {
			return err
		}
	}
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return msg.DoubleAck(bounded)
}

// answer tells the engine that sales has taken the lead: the hand-raise is
// answered, and the engine knows its own speed. The message id is made of the
// decision's, so that saying it twice counts once.
func (s *subscriber) answer(ctx context.Context, d *decision) error {
	event, err := json.Marshal(map[string]any{
		"type": "track", "messageId": "accepted-" + d.ID, "userId": d.Lead, "event": "Lead Accepted",
		"properties": map[string]string{"by": "subscriber-go"}, "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	reply, err := s.nc.RequestWithContext(bounded, "ripen.in", event)
	if err != nil {
		return fmt.Errorf("ripen.in: %w", err)
	}
	var answer struct {
		Accepted, Duplicates int
		Error                any
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return fmt.Errorf("ripen.in: %w", err)
	}
	if answer.Error != nil || answer.Accepted != 1 {
		return fmt.Errorf("ripen.in did not take the answer: %s", reply.Data)
	}
	return nil
}
