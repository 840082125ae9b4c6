package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/workflow"
)

// setting is one value of the engine's configuration: key in ripen.hcl,
// RIPEN_KEY in the environment, --key (with dashes) on the command line.
type setting struct {
	key   string
	def   string
	usage string
	check func(text string) error
}

// secret says whether the value is never shown, and never given as a flag.
func (s *setting) secret() bool { return s.key == "password" || s.key == "token" }

func (s *setting) env() string  { return "RIPEN_" + strings.ToUpper(s.key) }
func (s *setting) flag() string { return strings.ReplaceAll(s.key, "_", "-") }

// settings lists all, in the order in which they are shown.
func settings() []setting {
	ms := func(d time.Duration) string { return workflow.FormatDuration(d.Milliseconds()) }
	return []setting{
		{"workflow", ".", "folder of the workflow", isText},
		{"nats", "", "URLs of an external NATS server with JetStream; empty = the embedded one", isAny},
		{"creds", "", "credentials file for the external server (user JWT and seed)", isAny},
		{"nkey", "", "file with an NKey seed for the external server", isAny},
		{"user", "", "user for the external server", isAny},
		{"password", "", "its password; not as a flag, others see a command line", isAny},
		{"token", "", "token for the external server; not as a flag", isAny},
		{"tls_ca", "", "file of the certificate authorities that the external server is checked against", isAny},
		{"tls_cert", "", "file of the client certificate for the external server", isAny},
		{"tls_key", "", "file of its key", isAny},
		{"data", "ripen-data", "folder of the embedded server", isText},
		{"listen", natsd.DefaultHost, "loopback host that the embedded server listens on", isText},
		{"port", strconv.Itoa(natsd.DefaultPort), "port of the embedded server, -1 = any free one", isInt(-1, 65535)},
		{"durability", string(natsd.Disk), "what an accepted event survives: disk (power loss) or process (a crash)", isOneOf(string(natsd.Disk), string(natsd.Process))},
		{"partitions", strconv.Itoa(journal.DefaultPartitions), "partitions of the streams, fixed when they are made", isInt(1, 48)},
		{"replicas", "1", "copies of the streams on an external cluster", isInt(1, 5)},
		{"max_bytes", "0", "limit of the events stream in bytes, e.g. 10GB; 0 = none", isBytes},
		{"max_lag", strconv.Itoa(ingest.DefaultMaxLag), "events that may wait to be scored before more are refused, -1 = no bound", isInt(-1, 1_000_000_000)},
		{"max_events", strconv.Itoa(ingest.DefaultMaxEvents), "events that one request may hold; one with more is refused as a whole", isInt(1, intake.MaxEvents)},
		{"history", ms(journal.DefaultHistory), "how long events are kept", isDuration(2 * time.Minute)},
		{"clock", "wall", "where time comes from: wall, or stream (follows event time; for demos and old streams)", isOneOf("wall", "stream")},
		{"tick", "1m", "wall clock: how often time passes", isDuration(time.Second)},
		{"quiet", "3s", "stream clock: how long the stream is still before time moves to its newest event", isDuration(time.Millisecond)},
		{"lateness", "0s", "stream clock: how far time stays behind the newest event while events flow; 0s = wait for quiet", isDuration(0)},
		{"skew", "5m", "wall clock: how far in the future an event may lie", isDuration(time.Millisecond)},
		{"dedupe", "30d", "wall clock: how long event ids are remembered, older events are rejected; the stream clock forgets none", isDuration(24 * time.Hour)},
		{"http", "", "address of /livez, /readyz and /metrics, e.g. 127.0.0.1:8222; empty = none", isAny},
		{"state", "", "folder of the leads that are not in memory, one for each engine; empty = state in the data folder", isAny},
		{"cache_leads", strconv.Itoa(engine.DefaultCache), "leads that stay in memory, the others lie on the disk; -1 = all", isInt(-1, 1_000_000_000)},
		{"snapshot_every", ms(engine.DefaultSnapshotEvery), "how often the state goes to the server, for a start on another machine; 0s = never", isDuration(0)},
		{"skip_lost", "false", "go on behind events that the server removed before they were read, instead of an error", isOneOf("true", "false")},
		{"allow_unsigned", "false", "run plugins that nobody whom the block trust names has signed: for development", isOneOf("true", "false")},
		{"cache", defaultCache(), "folder of compiled plugins; empty = compile each time", isAny},
		{"log_level", "info", "trace, debug, info, warn, error or off", isOneOf("trace", "debug", "info", "warn", "error", "off")},
		{"log_json", "false", "log as JSON", isOneOf("true", "false")},
	}
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "ripen", "plugins")
}

func isAny(string) error { return nil }

func isText(s string) error {
	if s == "" {
		return fmt.Errorf("found nothing, expected a text")
	}
	return nil
}

func isInt(least, most int) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < least || n > most {
			return fmt.Errorf("found %q, expected a whole number from %d to %d", s, least, most)
		}
		return nil
	}
}

func isOneOf(choices ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(choices, s) {
			return fmt.Errorf("found %q, expected %s", s, strings.Join(choices[:len(choices)-1], ", ")+" or "+choices[len(choices)-1])
		}
		return nil
	}
}

// maxDuration is 100 years; a time.Duration ends at 292.
const maxDuration = 36_500 * 24 * time.Hour

func isDuration(least time.Duration) func(string) error {
	return func(s string) error {
		ms, err := workflow.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("found %q, expected a duration such as \"30d\", \"1h30m\" or \"500ms\"", s)
		}
		if ms < least.Milliseconds() || ms > maxDuration.Milliseconds() {
			return fmt.Errorf("found %q, expected a duration from %s to %s", s,
				workflow.FormatDuration(least.Milliseconds()), workflow.FormatDuration(maxDuration.Milliseconds()))
		}
		return nil
	}
}

func isBytes(s string) error {
	_, err := parseBytes(s)
	return err
}

var byteUnits = []struct {
	suffix string
	size   int64
}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}, {"", 1}}

func parseBytes(s string) (int64, error) {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(strings.ToUpper(s), u.suffix)
		if n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64); ok && err == nil && n >= 0 && n <= (1<<62)/u.size {
			return n * u.size, nil
		}
	}
	return 0, fmt.Errorf("found %q, expected a size such as 500MB or 10GB", s)
}

// logger is the log of a command, on stderr.
func (a *app) logger(c *config) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "ripen", Level: hclog.LevelFromString(c.text("log_level")), Output: a.err,
		JSONFormat: c.text("log_json") == "true", TimeFn: func() time.Time { return time.Now().UTC() }, TimeFormat: "2006-01-02T15:04:05.000Z"})
}
