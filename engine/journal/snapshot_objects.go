package journal

import (
	"context"
	"crypto/sha256"
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
	return j.readChunks(ctx, info)
}

// readChunks reads the chunks of an object one by one. An object store delivers them
// to a consumer, and who waits there for one that is missing or damaged waits
// for ever.
func (j *Journal) readChunks(ctx context.Context, o *jetstream.ObjectInfo) ([]byte, error) {
	s, err := j.js.Stream(ctx, "OBJ_"+SnapshotBucket)
	if err != nil {
		return nil, err
	}
	data, next := make([]byte, 0, o.Size), uint64(1)
	for i := range o.Chunks {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject("$O."+SnapshotBucket+".C."+o.NUID))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, fmt.Errorf("%w: %s: chunk %d of %d is missing or damaged on disk", ErrSnapshot, o.Name, i+1, o.Chunks)
		}
		if err != nil {
			return nil, err
		}
		if data = append(data, m.Data...); len(data) > maxPart {
			break
		}
		next = m.Sequence + 1
	}
	sum := sha256.Sum256(data)
	if uint64(len(data)) != o.Size || o.Digest != "SHA-256="+base64.URLEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: %s has %d bytes with another digest than its %d", ErrSnapshot, o.Name, len(data), o.Size)
	}
	return data, nil
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
