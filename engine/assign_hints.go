package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	ownersBucket = "RIPEN_OWNERS"
	ownersPrefix = "$KV." + ownersBucket + "."
	ownersTTL    = 10 * time.Second
	hintsWait    = 256 // hints that may wait to be read
	// bucketTime bounds a question to the bucket at the start.
	bucketTime = 5 * time.Second
)

// heard is a hint as it arrived. A hint without an ID is a goodbye.
type heard struct {
	from string
	hint hint
}

// hints is how an engine talks to the others: a value of its own in the bucket
// RIPEN_OWNERS. The engines listen to the messages themselves as they are
// published, not to the stream that keeps them; so hints need neither a leader
// of the stream nor a consumer, and arrive while both are being replaced. The
// stream is for those who come later, and for people.
type hints struct {
	nc   *nats.Conn
	log  hclog.Logger
	me   hint
	sub  *nats.Subscription
	in   chan heard
	last []byte
}

// openHints makes the bucket, listens, and reads what is known already.
func openHints(ctx context.Context, js jetstream.JetStream, me string, replicas int, log hclog.Logger) (*hints, []hint, error) {
	h := &hints{nc: js.Conn(), log: log, in: make(chan heard, hintsWait)}
	host, _ := os.Hostname() // for people only
	h.me = hint{ID: me, Host: host, PID: os.Getpid()}
	var err error
	if h.sub, err = h.nc.Subscribe(ownersPrefix+"*", h.take); err != nil {
		return nil, nil, fmt.Errorf("listen to other engines: %w", err)
	}
	known, err := askBucket(ctx, js, replicas)
	if ctx.Err() != nil {
		h.close()
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		log.Warn("who else runs partitions is not stored anywhere; engines only hear each other", "bucket", ownersBucket, "error", err)
	}
	return h, known, nil
}

// askBucket makes the bucket if need be and reads the hints in it.
func askBucket(ctx context.Context, js jetstream.JetStream, replicas int) ([]hint, error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	kv, err := js.KeyValue(ctx, ownersBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: ownersBucket, TTL: ownersTTL, Replicas: replicas,
			Description: "which engine runs which partition: hints, the truth is the last record of ripen.j.<p>"})
	}
	if errors.Is(err, jetstream.ErrBucketExists) {
		kv, err = js.KeyValue(ctx, ownersBucket) // another engine was faster
	}
	if err != nil {
		return nil, err
	}
	all, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = all.Stop() }()
	var known []hint
	for {
		select {
		case e := <-all.Updates():
			if e == nil {
				return known, nil
			}
			var h hint
			if json.Unmarshal(e.Value(), &h) == nil && h.ID == e.Key() {
				known = append(known, h)
			}
		case <-ctx.Done():
			return known, ctx.Err()
		}
	}
}

// take reads one message. What nobody can read is nobody's hint.
func (h *hints) take(m *nats.Msg) {
	got := heard{from: strings.TrimPrefix(m.Subject, ownersPrefix)}
	if got.from == h.me.ID {
		return
	}
	if len(m.Data) > 0 {
		if err := json.Unmarshal(m.Data, &got.hint); err != nil || got.hint.ID != got.from {
			return
		}
	}
	select {
	case h.in <- got:
	default: // the next beat comes soon
	}
}

// say publishes what this engine does.
func (h *hints) say(runs map[int]uint64, newest int64, hello, leaving bool) {
	h.me.Beat++
	h.me.Runs, h.me.Newest, h.me.Hello, h.me.Leaving = runs, newest, hello, leaving
	data, err := json.Marshal(h.me)
	if err == nil {
		err = h.nc.Publish(ownersPrefix+h.me.ID, data)
	}
	if err != nil {
		h.log.Debug("a hint is not published", "error", err)
	}
}

// goodbye removes this engine's value.
func (h *hints) goodbye() {
	m := nats.NewMsg(ownersPrefix + h.me.ID)
	m.Header.Set("KV-Operation", "DEL")
	if err := h.nc.PublishMsg(m); err != nil {
		h.log.Debug("a goodbye is not published", "error", err)
	}
	_ = h.nc.FlushTimeout(time.Second) // what is lost expires
}

// close stops listening.
func (h *hints) close() { _ = h.sub.Unsubscribe() }
