package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// site is a server with a door for events: ingest alone, or a whole engine.
type site struct {
	name     string
	url      string
	js       jetstream.JetStream
	close    func() error
	accepted atomic.Int64 // events that producers were told are durable
	next     atomic.Int64 // number of the next event
	behind   func() int64 // accepted events that are not scored yet
}

// newSites starts both sites, each on a data folder of its own.
func newSites(ctx context.Context, root string, s *settings) (alone, scoring *site, err error) {
	if alone, err = newAlone(ctx, filepath.Join(root, "alone"), s); err != nil {
		return nil, nil, err
	}
	if scoring, err = newScoring(ctx, root, s); err != nil {
		return nil, nil, errors.Join(err, alone.close())
	}
	return alone, scoring, nil
}

// newAlone is the server and ingest; nobody reads the stream.
func newAlone(ctx context.Context, dir string, s *settings) (*site, error) {
	srv, err := natsd.Start(natsd.Options{Dir: dir, Port: -1})
	if err != nil {
		return nil, err
	}
	conn, err := srv.Connect("ingest")
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	if _, err = journal.Open(ctx, js, journal.Config{Partitions: s.parts}); err != nil {
		return nil, err
	}
	door, err := srv.ConnectDoor("door")
	if err != nil {
		return nil, err
	}
	in, err := ingest.New(ingest.Options{Conn: conn, Doors: []*nats.Conn{door}, JS: js, Partitions: s.parts, FreeBytes: srv.FreeBytes, Linger: s.linger})
	if err == nil {
		err = in.Start()
	}
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		defer conn.Close()
		defer door.Close()
		return errors.Join(in.Close(ctx), srv.Stop(ctx))
	}
	return &site{name: "ingest alone", url: srv.URL(), js: js, close: stop, behind: func() int64 { return 0 }}, err
}

// newScoring is an engine with the workflow at work.
func newScoring(ctx context.Context, root string, s *settings) (*site, error) {
	dir := filepath.Join(root, "workflow")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(workflow), 0o600); err != nil {
		return nil, err
	}
	w, diags, err := engine.Load(ctx, engine.LoadOptions{Dir: dir})
	if err != nil {
		return nil, err
	}
	if diags.HasErrors() {
		return nil, diags
	}
	e, err := engine.New(ctx, engine.Options{Workflow: w, Data: filepath.Join(root, "scoring"), Port: -1, Partitions: s.parts})
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(e.Conn())
	if err != nil {
		return nil, err
	}
	out := &site{name: "engine scoring", url: e.URL(), js: js}
	out.behind = func() int64 { return out.accepted.Load() - e.Committed() }
	out.close = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		defer w.Close()
		return e.Stop(ctx)
	}
	return out, nil
}

// check counts the events in the stream: those that producers were told are
// durable must be there.
func (s *site) check(ctx context.Context) error {
	c, err := s.js.OrderedConsumer(ctx, journal.EventsStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"ripen.ev.*"}})
	if err != nil {
		return err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	it, err := c.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	defer it.Stop()
	found := int64(0)
	for range info.NumPending {
		m, err := it.Next()
		if err != nil {
			return err
		}
		if err := intake.Messages(m.Data(), func(int, []byte, int64) { found++ }); err != nil {
			return err
		}
	}
	if found < s.accepted.Load() {
		return fmt.Errorf("%s: %d events were acknowledged, %d are in the stream", s.name, s.accepted.Load(), found)
	}
	return nil
}

// settle waits until an engine has scored what it accepted.
func (s *site) settle() error {
	for began := time.Now(); s.behind() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			return fmt.Errorf("%s: %d events are not scored after a minute", s.name, s.behind())
		}
	}
	return nil
}

// workflow is that of bench-drain: the four shipped steps and routes that read
// their scores. A request for a demo is a decision at once.
const workflow = `
workflow "drain" { display = "{grade} {recent}" }

step "fit-grade" "who" {
  grades = [
    { A = like(trait.title, "chief*", "head of*", "vp*") },
    { B = like(trait.title, "*manager*") },
    { D = true },
  ]
}

step "negative-points" "minus" {
  score  = "recent"
  events = { "Unsubscribed" = -10 }
  pages  = { "/careers*" = -10 }
}

step "behavior-points" "recent" {
  floor = 0
  class "asked"   { events = { "Demo Requested" = 100 } }
  class "product" {
    events = { "Guide Downloaded" = 15, "Overview Video Watched" = 12, "Product Webinar Attended" = 15 }
    pages  = { "/product/*" = 10 }
  }
  class "reading" { pages = { "/" = 1, "/blog/*" = 1, "/learn/*" = 2 } }
  class "mail"    { events = { "Email Opened" = 1, "Email Link Clicked" = 2 } }
}

step "decay" "sixty" {
  of     = "recent"
  curve  = "linear"
  window = "60d"
}

route "sales-handoff" "asked" { when = pending("asked") }
route "sales-handoff" "warm"  { when = oneof(grade, "A", "B") && recent >= 250 }
route "nurture" "rest" {
  default = true
  silent  = true
}
`
