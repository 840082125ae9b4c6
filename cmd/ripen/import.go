package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

type importFlags struct {
	inputs inputFlags
	json   bool
	old    bool
	giveUp time.Duration
}

// chunkEvents is how many events one request of an import holds at most.
const chunkEvents = 1000

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import [flags] INPUT...",
		Short: "Send events and leads from files to a running engine",
		Long: `Sends events to the engine in requests and waits until each is stored. Importing
a file again is safe: events are recognised by their ids.

On the wall clock, events older than the engine's dedupe horizon are refused by
it: import history with --backfill, which takes any age, changes scores, and
publishes no decision about the past.

` + inputHelp,
		Example: `  ripen import events.ndjson
  ripen import --mapping mapping.hcl leads.csv --nats nats://127.0.0.1:4222
  zcat events.ndjson.gz | ripen import -`,
		RunE: func(cmd *cobra.Command, list []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			return a.importFiles(cmd.Context(), c, &f, list)
		},
	}
	bindSettings(cmd, serverKeys("listen", "port", "workflow")...)
	f.inputs.bind(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print the summary as one JSON object on stdout")
	cmd.Flags().BoolVar(&f.old, "backfill", false, "score history: events of any age, whose decisions are not published")
	cmd.Flags().DurationVar(&f.giveUp, "give-up", time.Minute, "how long to try again when the engine cannot take events")
	return cmd
}

// imported is the summary of an import.
type imported struct {
	Rows     int      `json:"rows"`
	Read     int      `json:"rowsAccepted"`
	Repaired int      `json:"rowsRepaired"`
	Rejected int      `json:"rowsRejected"`
	Events   int      `json:"events"`  // that were sent and answered: stored or refused
	Stored   int      `json:"stored"`  // events that are durable in the engine
	Refused  int      `json:"refused"` // events that the engine refused
	Unknown  int      `json:"unknown"` // events that were sent and may be stored or not
	Files    []string `json:"rejectedFiles"`
}

// importer sends events in chunks.
type importer struct {
	app     *app
	sender  sender
	old     bool
	rejects *rejects
	read    replay.ReadCounts
	done    imported

	chunk  []byte
	places []replay.Place
	last   replay.Place // all up to here is settled
}

func (a *app) importFiles(ctx context.Context, c *config, f *importFlags, positional []string) error {
	sources, err := f.inputs.sources(positional)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := dial(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	bar := a.progress("importing", size(sources), true)
	im := &importer{app: a, old: f.old, rejects: newRejects(f.inputs.rejected, sources)}
	im.sender = sender{conn: conn, giveUp: f.giveUp, say: func(format string, args ...any) {
		bar.hide()
		a.note(format, args...)
	}}
	for i, s := range sources {
		if err = im.file(ctx, i, s, &f.inputs, c.text("workflow"), bar); err != nil {
			err = fmt.Errorf("%w; %s", err, im.reached(sources))
			break
		}
	}
	bar.done()
	serr := im.summary(f.json)
	if said := (*answer)(nil); err != nil && errors.As(serr, &said) {
		return err // what went wrong is more than "no"
	}
	return errors.Join(err, serr)
}

// reached says how far an import came that did not come to its end.
func (im *importer) reached(sources []source) string {
	text := "nothing was imported"
	if at := im.last; im.done.Events > 0 {
		text = fmt.Sprintf("imported is everything up to %s", sources[at.File].name)
		if at.Line > 0 {
			text = fmt.Sprintf("imported is everything up to line %s of %s", thousands(at.Line), sources[at.File].name)
		}
	}
	if n := im.done.Unknown; n > 0 {
		text += fmt.Sprintf(", and perhaps some of the %s events behind it, which no answer settled", thousands(n))
	}
	if im.done.Events == 0 && im.done.Unknown == 0 {
		return text
	}
	return text + "; import the same again, what is stored already is recognised"
}

// dial connects to the engine's server, by default the embedded one here.
func dial(c *config) (*nats.Conn, error) {
	server, opts := c.natsOptions()
	if server == "" {
		server = fmt.Sprintf("nats://%s:%d", c.text("listen"), c.number("port"))
	}
	conn, err := nats.Connect(server, append(opts, nats.Name("ripen import"), nats.MaxReconnects(-1),
		// The sender tries again by itself: nothing waits unseen for a connection.
		nats.ReconnectBufSize(-1), nats.ReconnectWait(leastPause), nats.ReconnectJitter(leastPause, leastPause))...)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the engine at %s: %w; is `ripen run` running there? name another with --nats", server, err)
	}
	return conn, nil
}

func (im *importer) file(ctx context.Context, i int, s source, f *inputFlags, dir string, bar *progress) error {
	rd, closer, err := im.app.open(s, f, dir, bar)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	done := make(chan struct{})
	defer close(done)
	var counts replay.ReadCounts
	items := readAhead(rd, done)
	for err == nil {
		select {
		case it := <-items:
			if counts, err = it.counts, it.err; err == nil {
				err = im.take(ctx, i, &it.Item)
			}
		case <-time.After(readIdle): // whoever writes into a pipe may take his time
			err = im.send(ctx)
		case <-ctx.Done():
			err = errInterrupted
		}
	}
	im.read.Add(counts)
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("input %s: %w", s.name, err)
	}
	return im.send(ctx)
}

// readIdle is how long events wait for others that a pipe may bring.
const readIdle = time.Second

// readItem is what a reader gave, and its counts up to there.
type readItem struct {
	replay.Item
	counts replay.ReadCounts
	err    error
}

// readAhead reads in the background until the first error or until nobody wants
// more: reading a terminal or a pipe can take for ever, and nothing ends it.
func readAhead(rd *replay.Reader, done <-chan struct{}) <-chan readItem {
	items := make(chan readItem, chunkEvents)
	go func() {
		for {
			var it readItem
			it.Item, it.err = rd.Next()
			it.counts = rd.Counts()
			select {
			case items <- it:
			case <-done:
				return
			}
			if it.err != nil {
				return
			}
		}
	}()
	return items
}

// take queues one event. A tick ends its chunk, so that time passes exactly
// there.
func (im *importer) take(ctx context.Context, src int, it *replay.Item) error {
	if it.Rejected != nil {
		return im.rejects.add(src, it.Line, it.Rejected)
	}
	if len(im.chunk)+len(it.Raw) > im.sender.most() || len(im.places) >= chunkEvents {
		if err := im.send(ctx); err != nil {
			return err
		}
	}
	raw := it.Raw
	if im.old && it.Event.Kind != lead.Tick {
		raw = intake.Fill(raw, []byte(`"backfill":true`))
	}
	im.chunk = append(appendOneLine(im.chunk, raw), '\n')
	im.places = append(im.places, replay.Place{File: src, Line: it.Line})
	if it.Event.Kind == lead.Tick {
		return im.send(ctx)
	}
	return nil
}

// appendOneLine appends JSON; line breaks between its tokens become spaces.
func appendOneLine(dst, raw []byte) []byte {
	for _, c := range raw {
		if c == '\n' || c == '\r' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// send has the chunk stored.
func (im *importer) send(ctx context.Context) error {
	if len(im.places) == 0 {
		return nil
	}
	answer, unsure, err := im.sender.send(ctx, im.chunk)
	if err != nil {
		if unsure {
			im.done.Unknown = len(im.places)
		}
		return err
	}
	return im.settle(answer)
}

func (im *importer) settle(a ingest.Answer) error {
	im.done.Events += len(im.places)
	im.last = im.places[len(im.places)-1]
	im.done.Stored += a.Accepted
	im.done.Refused += len(a.Rejected) + a.MoreRejected
	lines := strings.Split(string(im.chunk), "\n")
	for _, r := range a.Rejected {
		if r.Index < 0 || r.Index >= len(im.places) {
			continue
		}
		at := im.places[r.Index]
		if err := im.rejects.add(at.File, at.Line, &lead.Rejected{Code: r.Code, Reason: r.Reason, Raw: []byte(lines[r.Index])}); err != nil {
			return err
		}
	}
	im.chunk, im.places = im.chunk[:0], im.places[:0]
	return nil
}

func (im *importer) summary(asJSON bool) error {
	names, err := im.rejects.close()
	if err != nil {
		return err
	}
	d, r := &im.done, im.read
	d.Rows, d.Read, d.Repaired, d.Rejected, d.Files = r.Rows, r.Accepted, r.Repaired, r.Rejected, append([]string{}, names...)
	if asJSON {
		return errors.Join(json.NewEncoder(im.app.stdout).Encode(d), im.verdict())
	}
	im.app.note("rows %s: accepted %s, repaired %s, rejected %s", thousands(r.Rows), thousands(r.Accepted), thousands(r.Repaired), thousands(r.Rejected))
	im.app.note("events %s: stored %s, refused by the engine %s", thousands(d.Events), thousands(d.Stored), thousands(d.Refused))
	if d.Unknown > 0 {
		im.app.note("events that may be stored or not: %s", thousands(d.Unknown))
	}
	if len(names) > 0 {
		im.app.note("what was rejected is in %s", strings.Join(names, ", "))
	}
	return im.verdict()
}

// verdict is the answer "no" if nothing was stored of what there was.
func (im *importer) verdict() error {
	if err := useless(im.read); err != nil {
		return err
	}
	if d := &im.done; d.Refused > 0 && d.Stored == 0 && d.Unknown == 0 {
		return no("the engine refused all %s", plural(d.Refused, "event"))
	}
	return nil
}
