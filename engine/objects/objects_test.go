package objects_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/objects"
)

const bucket = "THINGS"

// serve starts a server on a folder; stop may be called once.
func serve(t *testing.T, dir string) (js jetstream.JetStream, stop func()) {
	t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: dir, NoListen: true, Durability: natsd.Process})
	require.NoError(t, err)
	nc, err := srv.Connect("test")
	require.NoError(t, err)
	js, err = jetstream.New(nc)
	require.NoError(t, err)
	return js, func() {
		nc.Close()
		require.NoError(t, srv.Stop(context.Background()))
	}
}

// content is so many bytes that do not repeat.
func content(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

func TestRead(t *testing.T) {
	js, stop := serve(t, t.TempDir())
	defer stop()
	ctx := t.Context()
	_, err := objects.Read(ctx, js, bucket, "a", 10)
	require.ErrorIs(t, err, jetstream.ErrBucketNotFound)
	_, err = objects.Names(ctx, js, bucket, "")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	obs, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket})
	require.NoError(t, err)
	for _, o := range []struct {
		name string
		size int
	}{{"a/none", 0}, {"a/one", 1}, {"b/three", 300_000}} {
		_, err := obs.PutBytes(ctx, o.name, content(o.size))
		require.NoError(t, err)
		found, err := objects.Read(ctx, js, bucket, o.name, o.size)
		require.NoError(t, err, o.name)
		require.Equal(t, content(o.size), found, o.name)
	}
	_, err = objects.Read(ctx, js, bucket, "b/three", 299_999)
	require.ErrorIs(t, err, objects.ErrDamaged)
	require.ErrorContains(t, err, "b/three has 300000 bytes, expected at most 299999")
	_, err = objects.Read(ctx, js, bucket, "c", 10)
	require.ErrorIs(t, err, jetstream.ErrObjectNotFound)
	names, err := objects.Names(ctx, js, bucket, "a/")
	require.NoError(t, err)
	require.Equal(t, []string{"a/none", "a/one"}, names)
	// Other content under the description of an object.
	info, err := obs.GetInfo(ctx, "a/one")
	require.NoError(t, err)
	subject := "$O." + bucket + ".C." + info.NUID
	s, err := js.Stream(ctx, "OBJ_"+bucket)
	require.NoError(t, err)
	require.NoError(t, s.Purge(ctx, jetstream.WithPurgeSubject(subject)))
	_, err = js.Publish(ctx, subject, []byte{content(1)[0] ^ 1})
	require.NoError(t, err)
	_, err = objects.Read(ctx, js, bucket, "a/one", 10)
	require.ErrorIs(t, err, objects.ErrDamaged)
	require.ErrorContains(t, err, "with another digest")
}

// TestRead_DamagedOnDisk changes one byte of each chunk and of the description
// in the server's files: each is told at once, and what lies beside it is read.
func TestRead_DamagedOnDisk(t *testing.T) {
	whole := content(300_000)
	for _, tt := range []struct {
		name string
		mark []byte
		says error
	}{
		{"the first chunk", whole[500:540], objects.ErrDamaged},
		{"the second", whole[150_000:150_040], objects.ErrDamaged},
		{"the last", whole[299_000:299_040], objects.ErrDamaged},
		{"the description", []byte(`"name":"big"`), jetstream.ErrObjectNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, ctx := filepath.Join(t.TempDir(), "data"), t.Context()
			js, stop := serve(t, dir)
			obs, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket})
			require.NoError(t, err)
			for _, name := range []string{"big", "beside"} {
				_, err = obs.PutBytes(ctx, name, map[string][]byte{"big": whole, "beside": content(200_000)}[name])
				require.NoError(t, err)
			}
			stop()
			files, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "*", "streams", "OBJ_"+bucket, "msgs", "*.blk"))
			require.NoError(t, err)
			changed := 0
			for _, file := range files {
				data, err := os.ReadFile(file)
				require.NoError(t, err)
				if at := bytes.Index(data, tt.mark); at >= 0 {
					data[at] ^= 1
					changed++
					require.NoError(t, os.WriteFile(file, data, 0o600))
				}
			}
			require.Equal(t, 1, changed)
			js, stop = serve(t, dir)
			defer stop()
			_, err = objects.Read(ctx, js, bucket, "big", len(whole))
			require.ErrorIs(t, err, tt.says)
			if errors.Is(err, objects.ErrDamaged) {
				require.ErrorContains(t, err, "of 3 is missing or damaged on disk")
			}
			beside, err := objects.Read(ctx, js, bucket, "beside", 200_000)
			require.NoError(t, err)
			require.Equal(t, content(200_000), beside)
		})
	}
}
