package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/registry"
)

// startEngine runs a real engine with the starter model, on any free port.
func startEngine(t *testing.T) *engine.Engine {
	t.Helper()
	w, diags, err := engine.Load(t.Context(), engine.LoadOptions{Dir: "../../workflows/letter-and-number", CacheDir: filepath.Join("..", "..", "build", "plugin-cache"), Quiet: true})
	if errors.Is(err, registry.ErrNotBuilt) {
		t.Fatal("the plugins are not built: run make plugins")
	}
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), "%s", diags)
	t.Cleanup(w.Close)
	e, err := engine.New(t.Context(), engine.Options{Workflow: w, Data: t.TempDir(), Port: -1, Partitions: 2})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, e.Stop(ctx))
	})
	return e
}

func connect(t *testing.T, e *engine.Engine) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(e.URL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// ask lets a lead that fits ask for a demo.
func ask(t *testing.T, nc *nats.Conn, lead string) {
	t.Helper()
	now := time.Now().UTC().Format(time.RFC3339Nano)
	for _, body := range []string{
		fmt.Sprintf(`{"type":"identify","messageId":"%s-1","userId":%q,"traits":{"title":"CEO"},"timestamp":%q}`, lead, lead, now),
		fmt.Sprintf(`{"type":"group","messageId":"%s-2","userId":%q,"groupId":"g","traits":{"industry":"saas","employees":200,"revenue":20000000},"timestamp":%q}`, lead, lead, now),
		fmt.Sprintf(`{"type":"track","messageId":"%s-3","userId":%q,"event":"Demo Requested","timestamp":%q}`, lead, lead, now),
	} {
		reply, err := nc.Request("ripen.in", []byte(body), 10*time.Second)
		require.NoError(t, err)
		require.Contains(t, string(reply.Data), `"accepted":1`, body)
	}
}

func readTasks(t *testing.T, file string) (list []task) {
	t.Helper()
	src, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	for _, line := range bytes.Split(bytes.TrimSpace(src), []byte("\n")) {
		if len(line) > 0 {
			var one task
			require.NoError(t, json.Unmarshal(line, &one))
			list = append(list, one)
		}
	}
	return list
}

// start runs the program until the returned function is called.
func start(t *testing.T, e *engine.Engine, file string, more ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"-nats", e.URL(), "-tasks", file}, more...)) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func leads(list []task) (names []string) {
	for _, one := range list {
		names = append(names, one.Lead)
	}
	return names
}

func wait(t *testing.T, file string, want ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.ElementsMatch(c, want, leads(readTasks(t, file))) }, 20*time.Second, 20*time.Millisecond)
}

func TestEachHandOffBecomesOneTask(t *testing.T) {
	e := startEngine(t)
	nc := connect(t, e)
	file := filepath.Join(t.TempDir(), "tasks.ndjson")

	stop := start(t, e, file)
	ask(t, nc, "ada")
	wait(t, file, "ada")
	one := readTasks(t, file)[0]
	require.Equal(t, "sales-handoff", one.What)
	require.Equal(t, "Call about the Demo Requested", one.Say)
	require.Contains(t, one.Summary, "A 100 asked")
	stop()

	ask(t, nc, "grace") // nobody listens: the consumer keeps the place
	stop = start(t, e, file)
	wait(t, file, "ada", "grace")
	stop()
}

func TestADecisionThatComesTwiceIsOneTask(t *testing.T) {
	e := startEngine(t)
	nc := connect(t, e)
	file := filepath.Join(t.TempDir(), "tasks.ndjson")
	ask(t, nc, "ada")

	// A first run writes the task and dies before it acknowledges.
	tasks, err := openTasks(file)
	require.NoError(t, err)
	s := &subscriber{nc: nc, tasks: tasks}
	consumer, err := s.consumer(t.Context(), "sales-inbox", "*.sales-handoff")
	require.NoError(t, err)
	msg, err := consumer.Next(jetstream.FetchMaxWait(10 * time.Second))
	require.NoError(t, err)
	require.NoError(t, s.handle(t.Context(), silent{msg}))
	tasks.close()
	require.NoError(t, msg.Nak())
	require.Len(t, readTasks(t, file), 1)

	ask(t, nc, "grace")
	stop := start(t, e, file)
	wait(t, file, "ada", "grace")
	stop()
	info, err := consumer.Info(t.Context())
	require.NoError(t, err)
	require.Zero(t, info.NumAckPending, "and both are acknowledged")
	require.GreaterOrEqual(t, info.Delivered.Consumer, uint64(3), "one of the two came twice")
}

// silent loses the acknowledgement.
type silent struct{ jetstream.Msg }

func (silent) DoubleAck(context.Context) error { return nil }

func TestSalesAnswersOnce(t *testing.T) {
	e := startEngine(t)
	nc := connect(t, e)
	file := filepath.Join(t.TempDir(), "tasks.ndjson")
	ask(t, nc, "ada")
	stop := start(t, e, file, "-accept")
	wait(t, file, "ada")
	// 3 events of the lead and the answer.
	require.Eventually(t, func() bool { return e.Committed() == 4 }, 20*time.Second, 20*time.Millisecond)
	stop()

	one := readTasks(t, file)[0]
	s := &subscriber{nc: nc}
	require.NoError(t, s.answer(t.Context(), &decision{ID: one.ID, Lead: one.Lead}), "the engine takes it and drops the duplicate")
}

func TestACutLineIsWrittenAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tasks.ndjson")
	require.NoError(t, os.WriteFile(file, []byte("{\"id\":\"1\",\"lead\":\"ada\"}\n{\"id\":\"2\",\"le"), 0o600))
	tasks, err := openTasks(file)
	require.NoError(t, err)
	defer tasks.close()
	for id, want := range map[string]bool{"1": false, "2": true} {
		added, err := tasks.add(task{ID: id, Lead: "grace"})
		require.NoError(t, err)
		require.Equal(t, want, added)
	}
	require.Equal(t, []string{"ada", "grace"}, leads(readTasks(t, file)))

	require.NoError(t, os.WriteFile(file, []byte("no task\n"), 0o600))
	_, err = openTasks(file)
	require.ErrorContains(t, err, "line 1 is no task")
}
