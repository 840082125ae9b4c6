package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/registry"
)

// PutModule stores a plugin that no release uses yet; there says that it was
// there already.
func (s *Store) PutModule(ctx context.Context, p *registry.Plugin) (there bool, err error) {
	name := pluginPrefix + p.Digest
	if there, err = s.has(ctx, name); err != nil || there {
		return there, err
	}
	return false, s.put(ctx, name, p.Manifest.Name+" "+p.Manifest.Version, p.Wasm)
}

// Modules are all plugins in the store, by name and version. Those that cannot be
// read are in bad.
func (s *Store) Modules(ctx context.Context) (list []*registry.Plugin, bad []error, err error) {
	infos, err := s.objects.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	for _, info := range infos {
		digest, ok := strings.CutPrefix(info.Name, pluginPrefix)
		if !ok {
			continue
		}
		wasm, err := s.Module(ctx, digest)
		if err == nil {
			var p *registry.Plugin
			if p, err = registry.Read(wasm, "release store"); err == nil {
				list = append(list, p)
			}
		}
		if err != nil {
			bad = append(bad, err)
		}
	}
	slices.SortFunc(list, func(a, b *registry.Plugin) int {
		return cmp.Or(cmp.Compare(a.Manifest.Name, b.Manifest.Name), cmp.Compare(a.Manifest.Version, b.Manifest.Version), cmp.Compare(a.Digest, b.Digest))
	})
	return list, bad, nil
}
