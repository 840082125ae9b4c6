package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettings_DefaultsAreValid(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings() {
		require.NoError(t, s.check(s.def), s.key)
		require.False(t, seen[s.key], s.key)
		seen[s.key] = true
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "10": 10, "1KB": 1000, "500 mb": 500e6, "10GB": 10e9, "2TB": 2e12, "7B": 7} {
		got, err := parseBytes(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "GB", "-1", "1.5GB", "1PB", "99999999999TB", "9223372036854775808"} {
		_, err := parseBytes(text)
		assert.Error(t, err, text)
	}
}

func TestIsDuration(t *testing.T) {
	check := isDuration(24 * time.Hour)
	for _, text := range []string{"1d", "24h", "36500d"} {
		assert.NoError(t, check(text), text)
	}
	for _, text := range []string{"0s", "23h", "36501d", "365250d"} {
		assert.ErrorContains(t, check(text), "expected a duration from 1d to 36500d", text)
	}
	assert.ErrorContains(t, check("soon"), `such as "30d"`)
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]int64{"2026-01-01": 1_767_225_600_000, "2026-01-01T01:00:00+01:00": 1_767_225_600_000, "2026-01-01T00:00:00.5Z": 1_767_225_600_500} {
		got, err := parseTime(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "today", "2026-02-30", "2026-01-01T00:00:00"} {
		_, err := parseTime(text)
		assert.Error(t, err, text)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 9240: "9,240", 1234567: "1,234,567", -5: "-5"} {
		assert.Equal(t, want, thousands(n))
	}
}

func TestClean_TextsOfStrangersCannotDriveATerminal(t *testing.T) {
	assert.Equal(t, "a·[2Jb·c·d é", clean("a\x1b[2Jb\nc\u009bd é"))
}

func TestRun_APanicIsOneLine(t *testing.T) {
	code, _, said := ripen("version", "--json")
	require.Zero(t, code, said)
	var e bytes.Buffer
	a := newApp(nil, nil, &e)
	a.stdout = nil // any use is a nil dereference
	require.Equal(t, exitBad, a.run([]string{"version"}))
	assert.Regexp(t, `^ripen: internal error: .*\n$`, e.String())
}

func FuzzConfigFile(f *testing.F) {
	for _, s := range []string{"port = 3", "port = [", "a {", "port = \"${x}\"", "log_json = true\nlog_json = false", "history = 1d", "data = null"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p := &hclParser{name: "ripen.hcl", list: settings(), ranges: make(map[string]hcl.Range)}
		values, err := p.Unmarshal(src)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		for key, v := range values {
			_, ok := v.(string)
			require.True(t, ok)
			require.Contains(t, p.ranges, key)
		}
	})
}
