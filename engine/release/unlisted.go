package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/registry"
)

// HoldNew is Hold for a release that is not listed yet: it stores the files that
// the server does not have. They are noted in the lease before, so that a release
// which is refused leaves nothing behind.
func (s *Store) HoldNew(ctx context.Context, nc *nats.Conn, c Change, b *Bundle, plugins []*registry.Plugin) (*Held, error) {
	h, err := s.Hold(ctx, nc, c)
	if err != nil {
		return nil, err
	}
	list, err := s.missing(ctx, b, plugins)
	for i := range list {
		h.Added = append(h.Added, list[i].name)
	}
	if err == nil {
		err = h.save(ctx)
	}
	if err == nil {
		err = s.putAll(ctx, list)
	}
	if err == nil {
		return h, nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	return nil, errors.Join(err, h.discard(bounded), h.End(bounded))
}

// discard takes away what a change has stored, if its release was never listed.
func (h *Held) discard(ctx context.Context) error {
	if len(h.Added) == 0 {
		return nil
	}
	list, err := h.store.List(ctx, "")
	if err != nil {
		return err
	}
	kept, err := h.store.named(ctx, list, nil)
	if err != nil {
		return err
	}
	for _, name := range h.Added {
		if !kept[name] {
			err = errors.Join(err, h.store.remove(ctx, name))
		}
	}
	return err
}

// Unlisted is a file in the store that no listed release has.
type Unlisted struct {
	Name  string `json:"name"`            // bundle/<digest> or plugin/<digest>
	About string `json:"about,omitempty"` // name and version of a plugin
	Bytes uint64 `json:"bytes"`
}

// Unlisted are the bundles that no listed release has, and the plugins that only
// they name; what a change that is under way has stored is none of them. Plugins
// that no bundle names were pushed, and wait for one.
func (s *Store) Unlisted(ctx context.Context) (out []Unlisted, err error) {
	infos, err := s.objects.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	list, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	kept, err := s.named(ctx, list, nil)
	if err != nil {
		return nil, err
	}
	switch c, _, err := s.lease(ctx); {
	case err == nil:
		if err := s.keep(ctx, c.Release.Digest, kept); err != nil && !errors.Is(err, ErrNoFiles) {
			return nil, err
		}
		for _, name := range c.Added {
			kept[name] = true
		}
	case !errors.Is(err, ErrNoChange):
		return nil, err
	}
	loose := map[string]bool{}
	for _, info := range infos {
		digest, ok := strings.CutPrefix(info.Name, bundlePrefix)
		if !ok || kept[info.Name] {
			continue
		}
		if err := s.keep(ctx, digest, loose); err != nil && !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		loose[info.Name] = true
	}
	for _, info := range infos {
		if loose[info.Name] && !kept[info.Name] {
			out = append(out, Unlisted{Name: info.Name, About: info.Description, Bytes: info.Size})
		}
	}
	slices.SortFunc(out, func(a, b Unlisted) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// keep notes the objects that a bundle consists of.
func (s *Store) keep(ctx context.Context, digest string, names map[string]bool) error {
	b, err := s.Bundle(ctx, digest)
	if err != nil {
		return err
	}
	names[bundlePrefix+digest] = true
	for _, pin := range b.Plugins() {
		names[pluginPrefix+pin.Digest] = true
	}
	return nil
}

// Remove takes unlisted files away.
func (s *Store) Remove(ctx context.Context, list []Unlisted) error {
	for i := range list {
		if err := s.remove(ctx, list[i].Name); err != nil {
			return err
		}
	}
	return nil
}
