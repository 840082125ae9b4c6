package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
)

// A backup of a stopped folder and of a running engine, restored elsewhere: the
// journal verifies, a subscriber goes on where it was, and so does the engine.
func TestBackup_RestoredElsewhereGoesOn(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	for _, running := range []bool{false, true} {
		name := map[bool]string{false: "stopped", true: "running"}[running]
		t.Run(name, func(t *testing.T) {
			var e *engine.Engine
			if running {
				e = startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Partitions: 2, Quiet: time.Hour})
				nc := anonymous(t, e)
				_, err := nc.Request(journal.SubscribeSubject, []byte(`{"name":"crm","filter":"small.>","from":"all"}`), 10*time.Second)
				require.NoError(t, err)
				js, err := jetstream.New(nc)
				require.NoError(t, err)
				c, err := js.Consumer(t.Context(), journal.JournalStream, "crm")
				require.NoError(t, err)
				for range 5 {
					m, err := c.Next()
					require.NoError(t, err)
					require.NoError(t, m.DoubleAck(t.Context()))
				}
			}
			dir, to := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
			b, err := engine.BackUp(t.Context(), engine.Options{Data: data}, dir, nil)
			require.NoError(t, err)
			assert.Equal(t, 2, b.Partitions)
			_, err = engine.BackUp(t.Context(), engine.Options{Data: data}, dir, nil)
			assert.ErrorContains(t, err, "is not empty")
			if running {
				require.NoError(t, stopEngine(e))
			}

			r, err := engine.Restore(t.Context(), engine.Options{Data: to}, dir, nil)
			require.NoError(t, err)
			require.Len(t, r.Records, 2)
			assert.Positive(t, r.Records[0])
			assert.NoDirExists(t, to+".restoring")
			v := verify(t, w, to)
			assert.Empty(t, texts(v))
			assert.Equal(t, verify(t, w, data).Partitions[0].Decisions, v.Partitions[0].Decisions)
			_, err = engine.Restore(t.Context(), engine.Options{Data: to}, dir, nil)
			assert.ErrorContains(t, err, "is not empty")

			e = startEngine(t, engine.Options{Workflow: w, Data: to, Clock: engine.ClockStream, Partitions: 2, Quiet: time.Hour})
			nc := anonymous(t, e)
			live, err := nc.SubscribeSync("ripen.decisions.>")
			require.NoError(t, err)
			send(t, nc, track("again", "lead-1", "Guide Downloaded", "2026-01-01T00:00:00Z")+"\n"+track("new", "new", "Demo Requested", "2026-06-01T00:00:00Z"))
			m, err := live.NextMsg(10 * time.Second)
			require.NoError(t, err)
			assert.Equal(t, "new", decision(t, m).Lead)
			require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, time.Millisecond, "the event of before is known")
			if running {
				js, err := jetstream.New(nc)
				require.NoError(t, err)
				c, err := js.Consumer(t.Context(), journal.JournalStream, "crm")
				require.NoError(t, err)
				info, err := c.Info(t.Context())
				require.NoError(t, err)
				assert.EqualValues(t, 5, info.AckFloor.Consumer, "the subscriber goes on where it was")
			}
			require.NoError(t, stopEngine(e))
			assert.Empty(t, texts(verify(t, w, to)))
		})
	}
}

// While events flow a backup still fits together.
func TestBackup_UnderLoad(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := t.TempDir()
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Partitions: 2, Durability: "process"})
	nc := anonymous(t, e)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			body := ""
			for range 20 {
				n++
				body += track(time.Duration(n).String(), time.Duration(n%50).String(), "Guide Downloaded", time.UnixMilli(1767225600000+int64(n)*60000).UTC().Format(time.RFC3339)) + "\n"
			}
			_, _ = nc.Request("ripen.in", []byte(body), 10*time.Second)
		}
	}()
	require.Eventually(t, func() bool { return e.Committed() > 500 }, 20*time.Second, time.Millisecond)
	for range 3 {
		dir, to := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
		_, err := engine.BackUp(t.Context(), engine.Options{Data: data}, dir, nil)
		require.NoError(t, err)
		_, err = engine.Restore(t.Context(), engine.Options{Data: to}, dir, nil)
		require.NoError(t, err)
		assert.Empty(t, texts(verify(t, w, to)))
	}
	close(stop)
	<-done
}

func TestBackup_DamageIsFound(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := t.TempDir()
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream})
	send(t, anonymous(t, e), track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	require.NoError(t, stopEngine(e))
	dir := filepath.Join(t.TempDir(), "backup")
	b, err := engine.BackUp(t.Context(), engine.Options{Data: data}, dir, nil)
	require.NoError(t, err)
	for name, change := range map[string]func(t *testing.T, dir string){
		"a byte": func(t *testing.T, dir string) {
			name := filepath.Join(dir, b.Streams[len(b.Streams)-1].File)
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			text[len(text)/2] ^= 1
			require.NoError(t, os.WriteFile(name, text, 0o600))
		},
		"a file": func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, b.Streams[0].File))) },
		"the manifest": func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "manifest.json")))
		},
		"its format": func(t *testing.T, dir string) {
			c := *b
			c.Format = 99
			text, err := json.Marshal(c)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600))
		},
		"its files": func(t *testing.T, dir string) {
			c := *b
			c.Streams = append([]engine.BackupStream{}, b.Streams...)
			c.Streams[0].File = "../" + c.Streams[0].File
			text, err := json.Marshal(c)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad, to := filepath.Join(t.TempDir(), "bad"), filepath.Join(t.TempDir(), "to")
			require.NoError(t, os.CopyFS(bad, os.DirFS(dir)))
			change(t, bad)
			_, err := engine.Restore(t.Context(), engine.Options{Data: to}, bad, nil)
			require.ErrorIs(t, err, engine.ErrBackup)
			assert.NoDirExists(t, to)
		})
	}
}
