package natsd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAdminReachesTheRunningServer(t *testing.T) {
	dir := t.TempDir()
	s := start(t, Options{Dir: dir})
	_, js := connect(t, s)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "RIPEN_JOURNAL", Subjects: []string{"ripen.j.*"}})
	require.NoError(t, err)

	a, err := ReadAdmin(dir)
	require.NoError(t, err)
	require.Equal(t, s.URL(), a.URL)
	info, err := os.Stat(filepath.Join(dir, adminFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	nc, err := nats.Connect(a.URL, nats.UserInfo(a.User, a.Password))
	require.NoError(t, err)
	defer nc.Close()
	mine, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = mine.Stream(t.Context(), "RIPEN_JOURNAL")
	require.NoError(t, err, "the operator sees the engine's streams")
	_, err = nats.Connect(a.URL, nats.UserInfo(a.User, "guess"))
	require.ErrorIs(t, err, nats.ErrAuthorization)

	require.NoError(t, s.Restart())
	same, err := ReadAdmin(dir)
	require.NoError(t, err)
	require.Equal(t, a, same, "a restart of the server inside the process keeps the login")
	stop(t, s)
	_, err = ReadAdmin(dir)
	require.ErrorIs(t, err, ErrNoAdmin, "nothing runs")

	again := start(t, Options{Dir: dir})
	b, err := ReadAdmin(dir)
	require.NoError(t, err)
	require.NotEqual(t, a.Password, b.Password, "new at each start")
	_, err = nats.Connect(again.URL(), nats.UserInfo(a.User, a.Password))
	require.ErrorIs(t, err, nats.ErrAuthorization, "the old one opens nothing")
}

func TestAdminOfACrashIsReplaced(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, adminFile), []byte("{"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, adminFile+".new"), []byte("{"), 0o644))
	_, err := ReadAdmin(dir)
	require.ErrorIs(t, err, ErrNoAdmin)
	s := start(t, Options{Dir: dir})
	a, err := ReadAdmin(dir)
	require.NoError(t, err)
	require.Equal(t, s.URL(), a.URL)
	info, err := os.Stat(filepath.Join(dir, adminFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestNoAdminWithoutAListener(t *testing.T) {
	dir := t.TempDir()
	start(t, Options{Dir: dir, NoListen: true})
	_, err := ReadAdmin(dir)
	require.ErrorIs(t, err, ErrNoAdmin)
}
