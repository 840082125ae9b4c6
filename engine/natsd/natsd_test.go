package natsd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func start(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Port == 0 {
		o.Port = -1
	}
	s, err := Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
}

func connect(t *testing.T, s *Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := s.Connect("test")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return nc, js
}

func TestStartStoresOnDiskAcrossStops(t *testing.T) {
	dir := t.TempDir()
	s := start(t, Options{Dir: dir})
	nc, js := connect(t, s)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "x", []byte("kept"))
	require.NoError(t, err)
	nc.Close()
	stop(t, s)

	again := start(t, Options{Dir: dir})
	_, js = connect(t, again)
	st, err := js.Stream(t.Context(), "X")
	require.NoError(t, err)
	m, err := st.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "kept", string(m.Data))
}

func TestTwoServersInOneProcess(t *testing.T) {
	a, b := start(t, Options{}), start(t, Options{})
	require.NotEqual(t, a.URL(), b.URL())
	connect(t, a)
	connect(t, b)
}

func TestRestartKeepsPortAndConnections(t *testing.T) {
	s := start(t, Options{})
	nc, _ := connect(t, s)
	url := s.URL()
	require.NoError(t, s.Restart())
	require.Equal(t, url, s.URL())
	require.Eventually(t, func() bool { return nc.FlushTimeout(time.Second) == nil }, 10*time.Second, 20*time.Millisecond)
}

func TestDurabilityDefaultsToDisk(t *testing.T) {
	require.True(t, start(t, Options{}).Durable())
	require.False(t, start(t, Options{Durability: Process}).Durable())
	so, err := serverOptions(Options{}.withDefaults(), t.TempDir(), -1, newLogins())
	require.NoError(t, err)
	require.True(t, so.SyncAlways)
}

func TestSecondEngineOnTheSameFolderIsRefused(t *testing.T) {
	s := start(t, Options{})
	_, err := Start(Options{Dir: s.Dir(), Port: -1})
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, s.Dir())
	stop(t, s)
	start(t, Options{Dir: s.Dir()})
}

func TestFolderErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	newer := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(newer, formatFile), []byte("99\n"), 0o600))
	garbled := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(garbled, formatFile), []byte("banana"), 0o600))
	foreign := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(foreign, storeDir), 0o700))
	for name, c := range map[string]struct {
		dir  string
		want error
		says string
	}{
		"no folder": {"", ErrOptions, "no data folder"},
		"a file":    {file, ErrFolder, "not a directory"},
		"newer":     {newer, ErrFormat, "newer Ripen (format 99"},
		"garbled":   {garbled, ErrFormat, "banana"},
		"foreign":   {foreign, ErrFormat, "not written by Ripen"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(Options{Dir: c.dir, Port: -1})
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestPortTakenIsOneClearError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	_, err = Start(Options{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port})
	require.ErrorIs(t, err, ErrPort)
	require.ErrorContains(t, err, l.Addr().String())
}

func TestOpenListenerNeedsUsers(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "::", "192.0.2.1"} {
		_, err := Start(Options{Dir: t.TempDir(), Host: host, Port: -1})
		require.ErrorIs(t, err, ErrOptions, host)
		require.ErrorContains(t, err, "a NATS server of your own")
	}
	require.NoError(t, Options{Dir: "x", Host: "0.0.0.0", Users: []User{{Name: "crm", Password: "s3cret"}}}.
		withDefaults().validate())
}

func TestUserErrors(t *testing.T) {
	for name, u := range map[string]User{
		"no password":     {Name: "crm"},
		"quote":           {Name: "crm", Password: `a"b`},
		"space":           {Name: "c m", Password: "x"},
		"not an nkey":     {NKey: "SUAHY"},
		"nkey and name":   {NKey: "U", Name: "x"},
		"the engine's":    {Name: engineUser, Password: "x"},
		"the anonymous's": {Name: anonymous, Password: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(Options{Dir: t.TempDir(), Port: -1, Users: []User{u}})
			require.ErrorIs(t, err, ErrOptions)
		})
	}
}

func TestFreeBytes(t *testing.T) {
	free, err := FreeBytes(t.TempDir())
	require.NoError(t, err)
	require.Positive(t, free)
	_, err = FreeBytes(filepath.Join(t.TempDir(), "missing"))
	require.Error(t, err)
}
