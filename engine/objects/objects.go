// Package objects reads the objects of JetStream object stores so that damage
// on the server's disk is told and never waited for. It imports nothing of ours
// and writes nothing: the object store's own client does that.
//
// That client reads through consumers, which leave out a message that cannot be
// read without a word, so that who waits for it waits for ever. Here names come
// from the subjects of the stream, and chunks are asked for one by one.
package objects

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrDamaged says that an object is listed, and that what the server has of it
// is not what was stored.
var ErrDamaged = errors.New("object is damaged")

// MetaPrefix is what the subjects of the objects' descriptions in a bucket begin
// with; the name follows in base64, as URLs have it.
func MetaPrefix(bucket string) string { return "$O." + bucket + ".M." }

// Names are the names of the objects of a bucket that begin with a prefix, in
// order. One that is being deleted may be among them.
func Names(ctx context.Context, js jetstream.JetStream, bucket, prefix string) (names []string, err error) {
	meta := MetaPrefix(bucket)
	s, err := js.Stream(ctx, "OBJ_"+bucket)
	if err != nil {
		return nil, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(meta+">"))
	if err != nil {
		return nil, err
	}
	for subject := range info.State.Subjects {
		name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, meta))
		if err == nil && strings.HasPrefix(string(name), prefix) {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Read reads a whole object of at most so many bytes: jetstream.ErrObjectNotFound
// if it is not listed, ErrDamaged if it is not what its description says.
func Read(ctx context.Context, js jetstream.JetStream, bucket, name string, most int) ([]byte, error) {
	obs, err := js.ObjectStore(ctx, bucket)
	if err != nil {
		return nil, err
	}
	info, err := obs.GetInfo(ctx, name)
	if err != nil {
		return nil, err
	}
	if info.Size > uint64(most) { //nolint:gosec // a bound, never negative
		return nil, fmt.Errorf("%w: %s has %d bytes, expected at most %d", ErrDamaged, name, info.Size, most)
	}
	s, err := js.Stream(ctx, "OBJ_"+bucket)
	if err != nil {
		return nil, err
	}
	return chunks(ctx, s, info)
}

// A server of a cluster that is behind may answer that it has no such message.
const (
	tries = 10
	pause = 100 * time.Millisecond
)

// chunk is the first message on a subject from a sequence on.
func chunk(ctx context.Context, s jetstream.Stream, from uint64, subject string) (m *jetstream.RawStreamMsg, err error) {
	for range tries {
		if m, err = s.GetMsg(ctx, from, jetstream.WithGetMsgSubject(subject)); !errors.Is(err, jetstream.ErrMsgNotFound) {
			return m, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, err
}

func chunks(ctx context.Context, s jetstream.Stream, o *jetstream.ObjectInfo) ([]byte, error) {
	data, next := make([]byte, 0, o.Size), uint64(1)
	for i := range o.Chunks {
		m, err := chunk(ctx, s, next, "$O."+o.Bucket+".C."+o.NUID)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, fmt.Errorf("%w: %s: chunk %d of %d is missing or damaged on disk", ErrDamaged, o.Name, i+1, o.Chunks)
		}
		if err != nil {
			return nil, err
		}
		if data = append(data, m.Data...); uint64(len(data)) > o.Size {
			break
		}
		next = m.Sequence + 1
	}
	sum := sha256.Sum256(data)
	if uint64(len(data)) != o.Size || o.Digest != "SHA-256="+base64.URLEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: %s has %d bytes with another digest than its %d", ErrDamaged, o.Name, len(data), o.Size)
	}
	return data, nil
}
