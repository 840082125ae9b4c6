package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// redrive corrects a rejected event and sends it again with `ripen rejected
// redrive`, which is killed on the way and asked again: the attempt counts once.
func (r *round) redrive() error {
	seq, bad, err := r.rejected()
	if err != nil || seq == 0 {
		return err
	}
	last := r.newest()
	file := r.path("corrected.json")
	good := line(`"type":"track","event":"Article Read"`, bad.id, bad.lead, last)
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		return err
	}
	e := &event{id: redriveID(bad.id, "torture", 1), lead: bad.lead, at: last, line: good}
	r.load.note([]*event{e})
	for _, arm := range []string{"redrive.before", "redrive.sent", ""} {
		if err := r.redriveOnce(seq, file, arm); err != nil {
			return err
		}
	}
	r.load.ack([]*event{e})
	return nil
}

func redriveID(id, workflow string, attempt int) string {
	return fmt.Sprintf("redrive of %s for %s, attempt %d", id, workflow, attempt)
}

// rejected finds an event that was rejected for want of a name; sequence 0 if
// there is none.
func (r *round) rejected() (seq uint64, e event, err error) {
	out, err := r.ripen(append([]string{"rejected", "list", "--json", "--open"}, r.where()...)...)
	if err != nil {
		return 0, e, err
	}
	for text := range bytes.Lines(out) {
		var one struct {
			Sequence    uint64
			Lead, Event string
		}
		if err := json.Unmarshal(text, &one); err != nil {
			return 0, e, fmt.Errorf("ripen rejected list: %q: %w", text, err)
		}
		if strings.Contains(one.Event, "-poison-") {
			return one.Sequence, event{id: one.Event, lead: one.Lead}, nil
		}
	}
	return 0, e, nil
}

// where names the streams of the round to a command.
func (r *round) where() []string {
	if r.server != nil {
		return []string{"--nats", r.server.url()}
	}
	return []string{"--data", r.data()}
}

func (r *round) redriveOnce(seq uint64, file, point string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args := append([]string{"rejected", "redrive", strconv.FormatUint(seq, 10), "--with", file}, r.where()...)
	cmd := exec.CommandContext(ctx, r.opts.binary, args...) //nolint:gosec // built for this
	trace := r.path("redrive.trace")
	cmd.Env = append(os.Environ(), "RIPEN_FAILPOINTS_TRACE="+trace)
	if point != "" {
		cmd.Env = append(cmd.Env, "RIPEN_FAILPOINTS="+point+"=kill")
	}
	out, err := cmd.CombinedOutput()
	r.note("redrive of sequence %d %s: %v", seq, point, err)
	switch {
	case point == "" && err != nil:
		return fmt.Errorf("redrive of sequence %d: %w: %s", seq, err, out)
	case point != "" && !waitFor(trace, 0, "act "+point+" kill"):
		return fmt.Errorf("redrive of sequence %d did not come to %s: %w: %s", seq, point, err, out)
	case point != "":
		r.tally.kill(commandKilled)
	}
	r.tally.read(trace)
	return os.Remove(trace)
}
