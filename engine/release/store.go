package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/objects"
	"github.com/ripenhq/ripen/engine/registry"
)

// Names on the server.
const (
	// Bucket is the object store of bundles and plugins.
	Bucket = "RIPEN_RELEASES"
	// LogBucket is the key-value bucket of the numbered releases.
	LogBucket = "RIPEN_RELEASE_LOG"

	bundlePrefix = "bundle/"
	pluginPrefix = "plugin/"
)

// Sentinels of the store.
var (
	// ErrNoRelease says that there is no release of that number.
	ErrNoRelease = errors.New("no such release")
	// ErrNoFiles says that the files of a release are not on the server.
	ErrNoFiles = errors.New("the release has no files on the server")
	// ErrNoPlugin says that there is no plugin of that digest.
	ErrNoPlugin = errors.New("no such plugin")
	// ErrDamaged says that what is stored is not what its name says.
	ErrDamaged = errors.New("release is damaged")
	// ErrNone says that no engine of this version has run on the server.
	ErrNone = errors.New("the server holds no releases")
)

// Store keeps releases on the server of an engine. It is safe for concurrent
// use.
type Store struct {
	js      jetstream.JetStream
	objects jetstream.ObjectStore
	log     jetstream.KeyValue
}

// Open makes or finds the buckets; replicas is how many copies new ones have.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Store, error) {
	s, err := Find(ctx, js)
	if !errors.Is(err, ErrNone) {
		return s, err
	}
	replicas = max(replicas, 1)
	s = &Store{js: js}
	s.objects, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: Bucket, Description: "releases of workflows and their plugins", Replicas: replicas})
	if errors.Is(err, jetstream.ErrBucketExists) {
		s.objects, err = js.ObjectStore(ctx, Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	s.log, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: LogBucket, Description: "the numbered releases of workflows", Replicas: replicas})
	if errors.Is(err, jetstream.ErrBucketExists) {
		s.log, err = js.KeyValue(ctx, LogBucket)
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", LogBucket, err)
	}
	return s, nil
}

// Find is Open for who only reads: ErrNone if the buckets are not there.
func Find(ctx context.Context, js jetstream.JetStream) (s *Store, err error) {
	s = &Store{js: js}
	s.objects, err = js.ObjectStore(ctx, Bucket)
	if err == nil {
		s.log, err = js.KeyValue(ctx, LogBucket)
	}
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, ErrNone
	case err != nil:
		return nil, fmt.Errorf("buckets %s and %s: %w", Bucket, LogBucket, err)
	}
	return s, nil
}

// Put stores a bundle and those of its plugins that are not there yet.
func (s *Store) Put(ctx context.Context, b *Bundle, plugins []*registry.Plugin) error {
	list, err := s.missing(ctx, b, plugins)
	if err != nil {
		return err
	}
	return s.putAll(ctx, list)
}

// object is something to be stored.
type object struct {
	name, description string
	data              []byte
}

// missing are a bundle and its plugins as far as they are not stored, the bundle
// last.
func (s *Store) missing(ctx context.Context, b *Bundle, plugins []*registry.Plugin) (list []object, err error) {
	for _, pin := range b.Plugins() {
		name := pluginPrefix + pin.Digest
		at := slices.IndexFunc(plugins, func(p *registry.Plugin) bool { return p.Digest == pin.Digest })
		switch there, err := s.has(ctx, name); {
		case err != nil:
			return nil, err
		case there:
		case at < 0:
			return nil, fmt.Errorf("%w: %s %s, digest sha256:%s", ErrNoPlugin, pin.Name, pin.Version, pin.Digest)
		default:
			list = append(list, object{name, pin.Name + " " + pin.Version, plugins[at].Wasm})
		}
	}
	name := bundlePrefix + b.Digest()
	there, err := s.has(ctx, name)
	if err == nil && !there {
		list = append(list, object{name: name, data: b.text})
	}
	return list, err
}

func (s *Store) putAll(ctx context.Context, list []object) error {
	for i := range list {
		if err := s.put(ctx, list[i].name, list[i].description, list[i].data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) has(ctx context.Context, name string) (bool, error) {
	_, err := s.objects.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, storeError(name, err)
}

func (s *Store) put(ctx context.Context, name, description string, data []byte) error {
	_, err := s.objects.Put(ctx, jetstream.ObjectMeta{Name: name, Description: description}, bytes.NewReader(data))
	return storeError(name, err)
}

func storeError(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in %s: %w", name, Bucket, err)
}

// Bundle fetches the bundle of a digest: ErrNoFiles if it is not there,
// ErrDamaged if it is not what was stored.
func (s *Store) Bundle(ctx context.Context, digest string) (*Bundle, error) {
	text, err := s.get(ctx, bundlePrefix+digest)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w (digest sha256:%s): it was purged, or the server's files are damaged; %s", ErrNoFiles, digest, advice)
	}
	if err != nil {
		return nil, err
	}
	b, err := Decode(text)
	if err == nil && b.Digest() != digest {
		err = fmt.Errorf("expected digest sha256:%s, found sha256:%s", digest, b.Digest())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w; %s", ErrDamaged, err, advice)
	}
	return b, nil
}

// Module fetches the plugin of a digest and checks that it is the one.
func (s *Store) Module(ctx context.Context, digest string) ([]byte, error) {
	wasm, err := s.get(ctx, pluginPrefix+digest)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w on the server: digest sha256:%s", ErrNoPlugin, digest)
	}
	if err != nil {
		return nil, err
	}
	if found := registry.Digest(wasm); found != digest {
		return nil, fmt.Errorf("%w: plugin: expected digest sha256:%s, found sha256:%s; %s", ErrDamaged, digest, found, advice)
	}
	return wasm, nil
}

// advice is what to do where the server's files of a release are damaged.
const advice = "run the engine with the folder that the release was made of, or restore a backup"

func (s *Store) get(ctx context.Context, name string) ([]byte, error) {
	data, err := objects.Read(ctx, s.js, Bucket, name, MaxBundle)
	if errors.Is(err, objects.ErrDamaged) {
		return nil, fmt.Errorf("%w: %s: %w; %s", ErrDamaged, Bucket, err, advice)
	}
	return data, storeError(name, err)
}

// Fetch is a release with all that it needs to be loaded.
func (s *Store) Fetch(ctx context.Context, digest string) (*Bundle, []*registry.Plugin, error) {
	b, err := s.Bundle(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	var plugins []*registry.Plugin
	for _, pin := range b.Plugins() {
		wasm, err := s.Module(ctx, pin.Digest)
		if err != nil {
			return nil, nil, fmt.Errorf("plugin %q %s of the release: %w", pin.Name, pin.Version, err)
		}
		p, err := registry.Read(wasm, "release store")
		if err != nil {
			return nil, nil, fmt.Errorf("plugin %q %s of the release: %w", pin.Name, pin.Version, err)
		}
		plugins = append(plugins, p)
	}
	return b, plugins, nil
}
