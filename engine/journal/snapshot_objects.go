package journal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// keepSnapshots is how many snapshots of a partition stay.
const keepSnapshots = 2

// metaPrefix is what the subjects of the objects' descriptions begin with.
const metaPrefix = "$O." + SnapshotBucket + ".M."

// listObjects are the names with a prefix, in order. They are read from the
// subjects of the bucket and not from its messages: who waits for one that is
// damaged waits for ever. One that is being deleted may be among them.
func (j *Journal) listObjects(ctx context.Context, prefix string) (names []string, err error) {
	var info *jetstream.StreamInfo
	err = j.patiently(ctx, "objects of "+SnapshotBucket, func(ctx context.Context) error {
		s, err := j.js.Stream(ctx, "OBJ_"+SnapshotBucket)
		if err == nil {
			info, err = s.Info(ctx, jetstream.WithSubjectFilter(metaPrefix+">"))
		}
		return err
	})
	if err != nil {
		return nil, wrap(SnapshotBucket, err)
	}
	for subject := range info.State.Subjects {
		name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, metaPrefix))
		if err == nil && strings.HasPrefix(string(name), prefix) {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func isManifest(name string) bool { return !strings.Contains(name, ".") }

// readObject reads a whole object. What is damaged or gone stays so; what does
// not answer is asked again.
func (j *Journal) readObject(ctx context.Context, obs jetstream.ObjectStore, name string) (data []byte, err error) {
	err = j.patiently(ctx, "object "+name, func(ctx context.Context) error {
		data, err = j.readOnce(ctx, obs, name)
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			err = fmt.Errorf("%w: %s is gone", ErrSnapshot, name)
		}
		return err
	})
	return data, err
}

func (j *Journal) readOnce(ctx context.Context, obs jetstream.ObjectStore, name string) ([]byte, error) {
	info, err := obs.GetInfo(ctx, name)
	if err != nil {
		return nil, err
	}
	if info.Size > maxPart {
		return nil, fmt.Errorf("%w: %s has %d bytes, expected at most %d", ErrSnapshot, name, info.Size, maxPart)
	}
	if err := j.chunks(ctx, info); err != nil {
		return nil, err
	}
	data, err := obs.GetBytes(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrDigestMismatch):
		return nil, fmt.Errorf("%w: %s: %w", ErrSnapshot, name, err)
	case err == nil && uint64(len(data)) != info.Size:
		return nil, fmt.Errorf("%s has %d of %d bytes", name, len(data), info.Size)
	case err != nil && ctx.Err() != nil: // a slow server, or a damaged chunk, for which one waits for ever
		return nil, errors.Join(err, j.readable(context.WithoutCancel(ctx), info))
	}
	return data, err
}

// readable gives ErrSnapshot if a chunk of an object cannot be read.
func (j *Journal) readable(ctx context.Context, o *jetstream.ObjectInfo) error {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	s, err := j.js.Stream(ctx, "OBJ_"+SnapshotBucket)
	if err != nil {
		return err
	}
	next := uint64(1)
	for i := range o.Chunks {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject("$O."+SnapshotBucket+".C."+o.NUID))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("%w: chunk %d of %s cannot be read: it is damaged on disk", ErrSnapshot, i, o.Name)
		}
		if err != nil {
			return err
		}
		next = m.Sequence + 1
	}
	return nil
}

// chunks makes sure that an object is complete: who reads one whose last chunk
// is missing waits for it for ever.
func (j *Journal) chunks(ctx context.Context, o *jetstream.ObjectInfo) error {
	s, err := j.js.Stream(ctx, "OBJ_"+SnapshotBucket)
	if err != nil {
		return err
	}
	subject := "$O." + SnapshotBucket + ".C." + o.NUID
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return err
	}
	if n := info.State.Subjects[subject]; n != uint64(o.Chunks) {
		return fmt.Errorf("%w: %s has %d of %d chunks", ErrSnapshot, o.Name, n, o.Chunks)
	}
	return nil
}

// deleteObject deletes an object and the mark that the object store leaves of
// deleted ones: our names never come again, so that the marks would pile up.
func (j *Journal) deleteObject(ctx context.Context, obs jetstream.ObjectStore, name string) error {
	if err := obs.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return wrap(name, err)
	}
	s, err := j.js.Stream(ctx, "OBJ_"+SnapshotBucket)
	if err != nil {
		return wrap(SnapshotBucket, err)
	}
	mark := metaPrefix + base64.URLEncoding.EncodeToString([]byte(name))
	return wrap(name, s.Purge(ctx, jetstream.WithPurgeSubject(mark)))
}

// RemoveSnapshot deletes one snapshot, manifest first.
func (j *Journal) RemoveSnapshot(ctx context.Context, s Snapshot) error {
	obs, err := j.bucket(ctx, false)
	if err != nil || obs == nil {
		return err
	}
	names, err := j.listObjects(ctx, s.Name)
	for _, name := range names {
		err = errors.Join(err, j.deleteObject(ctx, obs, name))
	}
	return err
}

// PruneSnapshots deletes all snapshots of partition p but the newest two, and
// parts without a manifest, of snapshots older than the newest. It returns what
// is left, newest first.
func (j *Journal) PruneSnapshots(ctx context.Context, p int) ([]Snapshot, error) {
	list, err := j.Snapshots(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, nil
	}
	list = list[:min(len(list), keepSnapshots)]
	obs, err := j.bucket(ctx, false)
	if err != nil || obs == nil {
		return nil, err
	}
	names, err := j.listObjects(ctx, snapshotPrefix(p))
	for _, name := range names { // a manifest sorts before its parts
		of, _, _ := strings.Cut(name, ".")
		kept := slices.ContainsFunc(list, func(s Snapshot) bool { return s.Name == of })
		if !kept && of < list[0].Name { // a newer owner may be writing what is newer
			err = errors.Join(err, j.deleteObject(ctx, obs, name))
		}
	}
	return list, err
}
