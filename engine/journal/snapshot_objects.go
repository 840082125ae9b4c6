package journal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/objects"
)

// keepSnapshots is how many snapshots of a partition stay.
const keepSnapshots = 2

// listObjects are the names with a prefix, in order. One that is being deleted
// may be among them.
func (j *Journal) listObjects(ctx context.Context, prefix string) (names []string, err error) {
	err = j.patiently(ctx, "objects of "+SnapshotBucket, func(ctx context.Context) (err error) {
		names, err = objects.Names(ctx, j.js, SnapshotBucket, prefix)
		return err
	})
	return names, wrap(SnapshotBucket, err)
}

func isManifest(name string) bool { return !strings.Contains(name, ".") }

// readObject reads a whole object. What is damaged or gone stays so; what does
// not answer is asked again.
func (j *Journal) readObject(ctx context.Context, name string) (data []byte, err error) {
	err = j.patiently(ctx, "object "+name, func(ctx context.Context) error {
		data, err = objects.Read(ctx, j.js, SnapshotBucket, name, maxPart)
		switch {
		case errors.Is(err, jetstream.ErrObjectNotFound):
			err = fmt.Errorf("%w: %s is gone", ErrSnapshot, name)
		case errors.Is(err, objects.ErrDamaged):
			err = fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
		return err
	})
	return data, err
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
	mark := objects.MetaPrefix(SnapshotBucket) + base64.URLEncoding.EncodeToString([]byte(name))
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
