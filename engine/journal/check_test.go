package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve starts a plain NATS server and connects to it.
func serve(t *testing.T, o server.Options) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", -1, true, true
	if o.JetStream && o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(&o)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(10*time.Second))
	nc, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return nc, js
}

func openWith(t *testing.T, js jetstream.JetStream, cfg Config) error {
	t.Helper()
	cfg.OpenTimeout = 2 * time.Second
	_, err := Open(t.Context(), js, cfg)
	return err
}

func TestCheck_ServersThatDoNotFit(t *testing.T) {
	t.Run("JetStream off", func(t *testing.T) {
		_, js := serve(t, server.Options{ServerName: "small"})
		err := openWith(t, js, Config{})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "JetStream is off on small, expected on; start it with -js")
	})
	t.Run("JetStream off for the account", func(t *testing.T) {
		conf := filepath.Join(t.TempDir(), "nats.conf")
		require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "jetstream {store_dir: %q}\naccounts {\nA {users: [{user: a, password: a}]}\nB {jetstream: enabled, users: [{user: b, password: b}]}\n}\nno_auth_user: a\n",
			t.TempDir()), 0o600))
		o, err := server.ProcessConfigFile(conf)
		require.NoError(t, err)
		_, js := serve(t, *o)
		err = openWith(t, js, Config{})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "JetStream is off for this account, expected on")
	})
	t.Run("too old", func(t *testing.T) {
		nc, js := serve(t, server.Options{})
		_, err := nc.Subscribe("$JS.API.INFO", func(m *nats.Msg) {
			_ = m.Respond([]byte(`{"type":"io.nats.jetstream.api.v1.account_info_response","api":{"level":1},"limits":{}}`)) // nats-server 2.11
		})
		require.NoError(t, err)
		err = openWith(t, js, Config{})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "API level 1, atomic batches need level 2; use nats-server 2.12 or newer")
	})
	t.Run("small payloads", func(t *testing.T) {
		_, js := serve(t, server.Options{JetStream: true, MaxPayload: 64 << 10})
		err := openWith(t, js, Config{})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "max_payload is 65536 bytes, expected 589824 at least; set max_payload: 1MB")
	})
	t.Run("replicas on one server", func(t *testing.T) {
		_, js := serve(t, server.Options{JetStream: true})
		err := openWith(t, js, Config{Replicas: 3})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "3 replicas are asked for; start as many servers")
	})
	t.Run("replicas later", func(t *testing.T) {
		_, js := serve(t, server.Options{JetStream: true})
		require.NoError(t, openWith(t, js, Config{}))
		err := openWith(t, js, Config{Replicas: 3})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "3 replicas are asked for")
	})
	t.Run("no room", func(t *testing.T) {
		_, js := serve(t, server.Options{JetStream: true, JetStreamMaxStore: 1 << 20})
		err := openWith(t, js, Config{MaxBytes: 1 << 30})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "max_file_store")
	})
	t.Run("subjects taken", func(t *testing.T) {
		_, js := serve(t, server.Options{JetStream: true})
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"ripen.>"}})
		require.NoError(t, err)
		err = openWith(t, js, Config{})
		require.ErrorIs(t, err, ErrServer)
		require.ErrorContains(t, err, "another stream takes these subjects")
	})
	t.Run("another partition count", func(t *testing.T) {
		_, js := serve(t, server.Options{JetStream: true})
		require.NoError(t, openWith(t, js, Config{Partitions: 3}))
		err := openWith(t, js, Config{Partitions: 5})
		require.ErrorIs(t, err, ErrPartitions)
		require.ErrorContains(t, err, "made for 3 partitions, 5 are configured; configure 3")
	})
}

func TestCheck_OlderVersions(t *testing.T) {
	for version, want := range map[string]bool{"2.12.0": true, "2.15.1": true, "2.15.2": false, "2.15.10": false, "2.16.0-preview.1": false, "3.0.0": false, "": false, "dev": false} {
		require.Equal(t, want, older(version), version)
	}
}

func TestCheck_StreamsWithOtherSettings(t *testing.T) {
	ctx := context.Background()
	_, js := serve(t, server.Options{JetStream: true})
	cfg := Config{Partitions: 2}.withDefaults()
	for name, c := range map[string]struct {
		journal bool
		change  func(*jetstream.StreamConfig)
		want    string
	}{
		"no atomic batches":  {true, func(s *jetstream.StreamConfig) { s.AllowAtomicPublish = false }, "RIPEN_JOURNAL: allow_atomic is false, expected true: nats stream edit RIPEN_JOURNAL --allow-batch"},
		"direct reads":       {true, func(s *jetstream.StreamConfig) { s.AllowDirect = true }, "allow_direct is true, expected false"},
		"no live feed":       {true, func(s *jetstream.StreamConfig) { s.RePublish = nil }, "republish is none, expected ripen.out.> to ripen.decisions.>"},
		"in memory":          {true, func(s *jetstream.StreamConfig) { s.Storage = jetstream.MemoryStorage }, "storage is Memory, expected File"},
		"workqueue":          {false, func(s *jetstream.StreamConfig) { s.Retention = jetstream.WorkQueuePolicy }, "retention is WorkQueue, expected Limits"},
		"drops old":          {false, func(s *jetstream.StreamConfig) { s.Discard = jetstream.DiscardOld }, "RIPEN_EVENTS: discard is DiscardOld, expected DiscardNew: nats stream edit RIPEN_EVENTS --discard new"},
		"short dedupe":       {false, func(s *jetstream.StreamConfig) { s.Duplicates = time.Second }, "duplicate_window is 1s, expected 2m0s"},
		"one per subject":    {false, func(s *jetstream.StreamConfig) { s.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject is 1, expected -1"},
		"few messages":       {false, func(s *jetstream.StreamConfig) { s.MaxMsgs = 1000 }, "max_msgs is 1000, expected -1"},
		"small messages":     {true, func(s *jetstream.StreamConfig) { s.MaxMsgSize = 1000 }, "max_msg_size is 1000, expected -1"},
		"other subjects":     {false, func(s *jetstream.StreamConfig) { s.Subjects = []string{"ripen.ev.*"} }, "subjects is ripen.ev.*, expected ripen.ctl,ripen.ev.0"},
		"without answers":    {false, func(s *jetstream.StreamConfig) { s.NoAck = true }, "no_ack is true, expected false"},
		"purge denied":       {true, func(s *jetstream.StreamConfig) { s.DenyPurge = true }, "deny_purge is true, expected false"},
		"two things at once": {true, func(s *jetstream.StreamConfig) { s.AllowDirect, s.Duplicates = true, time.Second }, "; duplicate_window is 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			events, records := eventsConfig(cfg), journalConfig(cfg)
			if c.journal {
				c.change(&records)
			} else {
				c.change(&events)
			}
			for _, s := range []jetstream.StreamConfig{events, records} {
				// The server may still be clearing away the one of the case before.
				require.EventuallyWithT(t, func(t *assert.CollectT) {
					_, err := js.CreateStream(ctx, s)
					require.NoError(t, err)
				}, 10*time.Second, 20*time.Millisecond)
				defer func() { require.NoError(t, js.DeleteStream(ctx, s.Name)) }()
			}
			err := openWith(t, js, Config{Partitions: 2})
			require.ErrorIs(t, err, ErrStreams)
			require.ErrorContains(t, err, c.want)
		})
	}
	require.NoError(t, openWith(t, js, Config{Partitions: 2}), "as Ripen makes them")
	require.NoError(t, openWith(t, js, Config{Partitions: 2, MaxBytes: 1 << 30, History: 48 * time.Hour}), "limits are brought up to date")
}

// Of three servers one is left: nothing can be promised, and the start says so.
func TestCheck_ClusterWithoutQuorum(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	nc, servers := newCluster(t)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, openWith(t, js, Config{Replicas: 3, AskTimeout: time.Second}))
	for _, s := range servers[1:] {
		s.Shutdown()
		s.WaitForShutdown()
	}
	require.Eventually(t, func() bool { // who led goes on answering until it misses the others
		err = openWith(t, js, Config{Replicas: 3, AskTimeout: 500 * time.Millisecond})
		return err != nil
	}, time.Minute, 100*time.Millisecond)
	require.ErrorIs(t, err, ErrServer)
	require.ErrorContains(t, err, "more than half of the servers (and of each stream's replicas) must run")
}
