package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What Ripen needs of a server.
const (
	// leastLevel is the level of the JetStream API with atomic batches.
	leastLevel   = 2
	leastVersion = "2.12"
	// leastPayload holds a record of MaxRecordBytes that does not compress.
	leastPayload = MaxRecordBytes + 64<<10
)

// ErrServer says that the server, or the account on it, cannot carry the
// streams.
var ErrServer = errors.New("the NATS server does not fit")

// Error codes of the server that say why a stream cannot be made.
const (
	codeNoPeers      = 10005
	codeNotAvailable = 10008
	codeResources    = 10023
	codeStreamsLimit = 10027
	codeNoStorage    = 10047
	codeOverlap      = 10065
	codeAssignment   = 10048
	codeReplicas     = 10074
	codeNeedsLimit   = 10113
	codeLimitTooHigh = 10122
)

// checkServer refuses a server or an account that cannot do what is needed.
func checkServer(ctx context.Context, js jetstream.JetStream) error {
	nc := js.Conn()
	info, err := js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w: JetStream is off for this account, expected on; switch it on in the server's configuration "+
			"(accounts { NAME { jetstream: enabled } }), or log in to an account that has it", ErrServer)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return fmt.Errorf("%w: JetStream is off on %s, expected on; start it with -js and a store_dir", ErrServer, nc.ConnectedServerName())
	case err != nil:
		return fmt.Errorf("JetStream: %w", err)
	case info.API.Level < leastLevel:
		return fmt.Errorf("%w: nats-server %s has JetStream API level %d, atomic batches need level %d; use nats-server %s or newer on all servers",
			ErrServer, nc.ConnectedServerVersion(), info.API.Level, leastLevel, leastVersion)
	}
	if most := nc.MaxPayload(); most < leastPayload {
		return fmt.Errorf("%w: max_payload is %d bytes, expected %d at least; set max_payload: 1MB in the server's configuration", ErrServer, most, leastPayload)
	}
	return nil
}

// provenVersion is what Ripen is tested with. Older servers that have atomic
// batches work, but lose acknowledged messages in corners that are mended since.
var provenVersion = [3]int{2, 15, 2}

// older says whether a server's version is below the proven one. One that cannot
// be read is not.
func older(version string) bool {
	var v [3]int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]); n != len(v) {
		return false
	}
	return slices.Compare(v[:], provenVersion[:]) < 0
}

// explain says in words why the server does not make or change a stream, and
// what helps.
func explain(err error, want *jetstream.StreamConfig) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return err
	}
	todo := ""
	switch api.ErrorCode {
	case codeNoPeers, codeAssignment, codeReplicas:
		todo = fmt.Sprintf("%d replicas are asked for; start as many servers with JetStream and enough disk, or ask for fewer with --replicas", want.Replicas)
	case codeResources, codeNoStorage:
		todo = "raise max_file_store of the servers or the account's limit, or bound the events with --max-bytes"
	case codeStreamsLimit:
		todo = "Ripen needs two streams, a key-value bucket and an object store; raise the account's max_streams"
	case codeNeedsLimit, codeLimitTooHigh:
		todo = "the account bounds the size of streams; give a size within it with --max-bytes"
	case codeOverlap:
		todo = "another stream takes these subjects: remove it, or give Ripen an account of its own; expected " + strings.Join(want.Subjects, ", ") + " free"
	case codeNotAvailable, codeNotLeader:
		return err // passes
	default:
		return fmt.Errorf("%w: %w", ErrServer, err)
	}
	return fmt.Errorf("%w: %w; %s", ErrServer, err, todo)
}

// misfit is one setting of a stream that is not as it must be.
type misfit struct {
	setting     string
	found, want any
	todo        string // how to change it
}

const fixed = "it cannot be changed: give Ripen a stream of its own, in another account"

// misfits compares the settings of a stream that have a meaning for the
// protocol. Limits that Ripen itself sets are not among them.
func misfits(have, want *jetstream.StreamConfig) (list []misfit) {
	edit := func(flag string) string { return fmt.Sprintf("nats stream edit %s %s", want.Name, flag) }
	add := func(ok bool, setting string, found, want any, todo string) {
		if !ok {
			list = append(list, misfit{setting, found, want, todo})
		}
	}
	add(have.Retention == want.Retention, "retention", have.Retention, want.Retention, fixed)
	add(have.Storage == want.Storage, "storage", have.Storage, want.Storage, fixed)
	add(have.Mirror == nil && len(have.Sources) == 0, "mirror or sources", "set", "none", fixed)
	add(wide(have, want) || slices.Equal(slices.Sorted(slices.Values(have.Subjects)), slices.Sorted(slices.Values(want.Subjects))), "subjects",
		strings.Join(have.Subjects, ","), strings.Join(want.Subjects, ","), edit("--subjects "+strings.Join(want.Subjects, ",")))
	add(have.Discard == want.Discard, "discard", have.Discard, want.Discard, edit("--discard new"))
	add(!have.DiscardNewPerSubject, "discard_new_per_subject", true, false, edit("--no-discard-per-subject"))
	add(have.MaxMsgs <= 0, "max_msgs", have.MaxMsgs, -1, edit("--max-msgs=-1"))
	add(have.MaxMsgsPerSubject <= 0, "max_msgs_per_subject", have.MaxMsgsPerSubject, -1, edit("--max-msgs-per-subject=-1"))
	add(have.MaxMsgSize <= 0 || have.MaxMsgSize >= leastPayload, "max_msg_size", have.MaxMsgSize, -1, edit("--max-msg-size=-1"))
	add(!have.AllowDirect, "allow_direct", true, false, edit("--no-allow-direct")+" (a read must come from the leader)")
	add(!have.NoAck, "no_ack", true, false, edit("--ack"))
	add(!have.DenyPurge, "deny_purge", true, false, fixed)
	add(!have.Sealed, "sealed", true, false, fixed)
	add(have.SubjectTransform == nil, "subject_transform", "set", "none", edit("without --transform-source and --transform-destination"))
	add(have.PersistMode == want.PersistMode, "persist_mode", have.PersistMode, want.PersistMode, fixed)
	add(have.AllowAtomicPublish || !want.AllowAtomicPublish, "allow_atomic", false, true, edit("--allow-batch"))
	add(have.Duplicates >= want.Duplicates, "duplicate_window", have.Duplicates, want.Duplicates, edit("--dupe-window "+want.Duplicates.String()))
	same := want.RePublish == nil && have.RePublish == nil ||
		want.RePublish != nil && have.RePublish != nil && have.RePublish.Source == want.RePublish.Source && have.RePublish.Destination == want.RePublish.Destination
	add(same, "republish", republish(have), republish(want), edit("with --republish-source and --republish-destination"))
	return list
}

func republish(c *jetstream.StreamConfig) string {
	if c.RePublish == nil {
		return "none"
	}
	return c.RePublish.Source + " to " + c.RePublish.Destination
}

// checkStream refuses a stream whose settings break the protocol.
func checkStream(have, want *jetstream.StreamConfig) error {
	list := misfits(have, want)
	if len(list) == 0 {
		return nil
	}
	var text []string
	for _, m := range list {
		text = append(text, fmt.Sprintf("%s is %v, expected %v: %s", m.setting, m.found, m.want, m.todo))
	}
	return fmt.Errorf("%w: %s: %s", ErrStreams, want.Name, strings.Join(text, "; "))
}

// unanswered says what it may mean that a cluster gives no answer at the start.
func unanswered(nc *nats.Conn, waited time.Duration, err error) error {
	var api *jetstream.APIError
	passed := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
	if errors.As(err, &api) && (api.ErrorCode == codeNotAvailable || api.ErrorCode == codeNotLeader) {
		passed = true
	}
	if !passed {
		return err
	}
	return fmt.Errorf("%w: JetStream on %s has no leader, expected one within %s: more than half of the servers (and of each stream's replicas) "+
		"must run and reach each other; start the missing ones: %w", ErrServer, nc.ConnectedServerName(), waited, err)
}
