package release

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Entry is a release as it is listed. Only Begun and Purged ever change, once.
type Entry struct {
	Workflow string `json:"workflow"`
	Number   uint32 `json:"number"`
	Digest   string `json:"digest"` // of the bundle
	Model    string `json:"model"`  // of what it compiles to
	Author   string `json:"author,omitempty"`
	Message  string `json:"message,omitempty"`
	Made     int64  `json:"made"`             // ms since 1970 UTC
	Parent   uint32 `json:"parent,omitempty"` // the release that was live
	Purged   int64  `json:"purged,omitempty"` // ms: since when its files are gone
	// Begun names the events stream (by when it was made, ns since 1970 UTC) that
	// was begun with this release; 0 for any later one.
	Begun int64 `json:"begun,omitempty"`

	revision uint64
}

// Limits of texts in an entry, in bytes.
const (
	MaxMessage = 4 << 10
	MaxAuthor  = 256
)

// logKey is where a release is listed. Names of workflows hold no dot.
func logKey(workflow string, number uint32) string {
	return workflow + "." + strconv.FormatUint(uint64(number), 10)
}

// attempts bounds how often a number is taken by somebody else in between.
const attempts = 100

// Add lists a release under the next free number of its workflow. Numbers are
// never used twice.
func (s *Store) Add(ctx context.Context, e Entry) (Entry, error) {
	if len(e.Message) > MaxMessage || len(e.Author) > MaxAuthor {
		return e, fmt.Errorf("message and author of a release may have %d and %d bytes, found %d and %d", MaxMessage, MaxAuthor, len(e.Message), len(e.Author))
	}
	for range attempts {
		list, err := s.List(ctx, e.Workflow)
		if err != nil {
			return e, err
		}
		e.Number = 1
		if n := len(list); n > 0 {
			e.Number = list[n-1].Number + 1
		}
		text, err := json.Marshal(e)
		if err != nil {
			return e, err
		}
		e.revision, err = s.log.Create(ctx, logKey(e.Workflow, e.Number), text)
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return e, logError(err)
		}
	}
	return e, fmt.Errorf("%s: others took each of %d numbers; try again", LogBucket, attempts)
}

// AddFirst lists the first release of a workflow unless it has one; it returns
// the one that is listed.
func (s *Store) AddFirst(ctx context.Context, e Entry) (Entry, error) {
	e.Number = 1
	text, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	e.revision, err = s.log.Create(ctx, logKey(e.Workflow, 1), text)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return s.Entry(ctx, e.Workflow, 1)
	}
	return e, logError(err)
}

func logError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", LogBucket, err)
}

// Entry finds a release by its number.
func (s *Store) Entry(ctx context.Context, workflow string, number uint32) (Entry, error) {
	kv, err := s.log.Get(ctx, logKey(workflow, number))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Entry{}, fmt.Errorf("%w: workflow %q has no release %d; see ripen releases", ErrNoRelease, workflow, number)
	}
	if err != nil {
		return Entry{}, logError(err)
	}
	return readEntry(kv)
}

func readEntry(kv jetstream.KeyValueEntry) (e Entry, err error) {
	if err = json.Unmarshal(kv.Value(), &e); err != nil || logKey(e.Workflow, e.Number) != kv.Key() {
		return e, fmt.Errorf("%w: %s in %s cannot be read", ErrDamaged, kv.Key(), LogBucket)
	}
	e.revision = kv.Revision()
	return e, nil
}

// List lists the releases of a workflow by number; of all, by name and number,
// for "".
func (s *Store) List(ctx context.Context, workflow string) ([]Entry, error) {
	filter := "*.*"
	if workflow != "" {
		filter = workflow + ".*"
	}
	w, err := s.log.Watch(ctx, filter, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, logError(err)
	}
	defer func() { _ = w.Stop() }()
	var list []Entry
	for {
		select {
		case kv := <-w.Updates():
			if kv == nil { // all that there is
				slices.SortFunc(list, func(a, b Entry) int {
					return cmp.Or(strings.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Number, b.Number))
				})
				return list, nil
			}
			if _, err := strconv.ParseUint(kv.Key()[strings.LastIndexByte(kv.Key(), '.')+1:], 10, 32); err != nil {
				continue // a lease
			}
			e, err := readEntry(kv)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		case <-ctx.Done():
			return nil, logError(ctx.Err())
		}
	}
}

// Begin notes that an events stream was begun with a release. Several engines
// may note the same.
func (s *Store) Begin(ctx context.Context, e Entry, stream int64) error {
	e.Begun = stream
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = s.log.Update(ctx, logKey(e.Workflow, e.Number), text, e.revision)
	if err == nil {
		return nil
	}
	if now, gerr := s.Entry(ctx, e.Workflow, e.Number); gerr == nil && now.Begun == stream {
		return nil
	}
	return logError(err)
}

// Purge takes away the files of a release, and of its plugins those that no
// other release names. It stays listed. used are the digests of bundles that
// are live, kept or being built: they are refused.
func (s *Store) Purge(ctx context.Context, e Entry, used map[string]string, now int64) error {
	if why := used[e.Digest]; why != "" {
		return fmt.Errorf("release %d of workflow %q is %s: it is not purged", e.Number, e.Workflow, why)
	}
	if e.Purged != 0 {
		return nil
	}
	list, err := s.List(ctx, "")
	if err != nil {
		return err
	}
	b, err := s.Bundle(ctx, e.Digest)
	if err != nil && !errors.Is(err, ErrNoFiles) {
		return err
	}
	e.Purged = now
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	// First said, then done: what is interrupted leaves files that nobody names.
	if _, err := s.log.Update(ctx, logKey(e.Workflow, e.Number), text, e.revision); err != nil {
		return logError(err)
	}
	kept, err := s.named(ctx, list, &e)
	if err != nil || b == nil {
		return err
	}
	for _, pin := range b.Plugins() {
		if !kept[pluginPrefix+pin.Digest] {
			if err := s.remove(ctx, pluginPrefix+pin.Digest); err != nil {
				return err
			}
		}
	}
	if kept[bundlePrefix+e.Digest] {
		return nil
	}
	return s.remove(ctx, bundlePrefix+e.Digest)
}

// named are the objects that the listed releases need, but for one (nil = all).
func (s *Store) named(ctx context.Context, list []Entry, but *Entry) (map[string]bool, error) {
	kept := map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.Purged != 0 || but != nil && e.Workflow == but.Workflow && e.Number == but.Number || kept[bundlePrefix+e.Digest] {
			continue
		}
		if err := s.keep(ctx, e.Digest, kept); err != nil {
			return nil, fmt.Errorf("release %d of workflow %q: %w", e.Number, e.Workflow, err)
		}
	}
	return kept, nil
}

func (s *Store) remove(ctx context.Context, name string) error {
	err := s.objects.Delete(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil
	}
	return storeError(name, err)
}
