package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/natsd"
)

// server is a NATS server without an engine; answer, if any, plays one.
func server(t *testing.T, answer func(n int, events int) ingest.Answer) (url string) {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Port: -1, Durability: natsd.Process})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	if answer == nil {
		return s.URL()
	}
	conn, err := s.ConnectDoor("engine")
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	var n atomic.Int64
	_, err = conn.Subscribe(ingest.Subject, func(m *nats.Msg) {
		a := answer(int(n.Add(1)), bytes.Count(m.Data, []byte("\n")))
		if t.Context().Err() != nil {
			return // the test is over
		}
		data, err := json.Marshal(a)
		assert.NoError(t, err)
		assert.NoError(t, m.Respond(data))
	})
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
	return s.URL()
}

// events writes a file of n events.
func events(t *testing.T, n int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "events.ndjson")
	line := `{"messageId":"x","type":"track","event":"x","userId":"ann","timestamp":"2026-01-01T00:00:00Z"}` + "\n"
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat(line, n)), 0o600))
	return name
}

// ripen runs the command in this process.
func ripen(args ...string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = newApp(strings.NewReader(""), &o, &e).run(args)
	return code, o.String(), e.String()
}

func TestImport_TriesAgainAsTheEngineAdvises(t *testing.T) {
	url := server(t, func(n, events int) ingest.Answer {
		if n%3 != 0 {
			return ingest.Answer{Error: &ingest.Failure{Code: ingest.CodeBusy, Reason: "wait", RetryAfter: 10}}
		}
		return ingest.Answer{Accepted: events}
	})
	code, out, said := ripen("import", "--nats", url, "--json", events(t, 2500))
	require.Zero(t, code, said)
	assert.Contains(t, out, `"events":2500,"stored":2500,"refused":0`)
}

func TestImport_GivesUpAndSaysHowToGoOn(t *testing.T) {
	for name, answer := range map[string]ingest.Failure{
		"not again": {Code: "wrong", Reason: "no use"},
		"too long":  {Code: ingest.CodeDiskLow, Reason: "no use", RetryAfter: 60_000},
	} {
		t.Run(name, func(t *testing.T) {
			url := server(t, func(int, int) ingest.Answer { return ingest.Answer{Error: &answer} })
			code, _, said := ripen("import", "--nats", url, "--give-up", "1s", events(t, 3))
			assert.Equal(t, exitBad, code)
			assert.Contains(t, said, "no use; nothing was imported\n")
			assert.Contains(t, said, "events 0: stored 0")
		})
	}
}

func TestImport_NoEngineAnswers(t *testing.T) {
	code, _, said := ripen("import", "--nats", server(t, nil), "--give-up", "100ms", events(t, 3))
	assert.Equal(t, exitBad, code)
	assert.Contains(t, said, "no engine answers on ripen.in")
}

func TestImport_RefusedEventsAreKeptWithTheirLine(t *testing.T) {
	url := server(t, func(_, events int) ingest.Answer {
		return ingest.Answer{Accepted: events - 1, Rejected: []ingest.Rejection{{Index: 2, Code: "odd", Reason: "third of a request"}, {Index: 1 << 40}}}
	})
	file := events(t, 1500)
	code, _, said := ripen("import", "--nats", url, file)
	require.Zero(t, code, said)
	kept, err := os.ReadFile(file + ".rejected.csv")
	require.NoError(t, err)
	assert.Contains(t, string(kept), file+",3,odd,third of a request,")
	assert.Contains(t, string(kept), file+",1003,odd,third of a request,")
}

func TestSplitUser_KeepsTheLoginOutOfTheURL(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"nats://h:1":              "nats://h:1",
		"nats://me:secret@h:1":    "nats://h:1",
		"nats://token@h:1":        "nats://h:1",
		"127.0.0.1:4222":          "127.0.0.1:4222",
		"nats://a:1,nats://b:2":   "nats://a:1,nats://b:2",
		"nats://u:p@a:1,nats://b": "nats://a:1,nats://b",
	} {
		got, user := splitUser(in)
		assert.Equal(t, want, got)
		assert.Equal(t, strings.Contains(in, "@"), user != nil, in)
	}
}
