package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// read prints what Lines finds as "number:raw", rejections as "number!code".
func read(t *testing.T, r io.Reader, maxLine int) []string {
	t.Helper()
	l, out := NewLines(r, maxLine), []string{}
	for {
		line, err := l.Next()
		if errors.Is(err, io.EOF) {
			_, err = l.Next()
			require.ErrorIs(t, err, io.EOF, "the end stays the end")
			return out
		}
		require.NoError(t, err)
		if line.Rejected != nil {
			require.Equal(t, line.Number, line.Rejected.Line)
			out = append(out, fmt.Sprintf("%d!%s", line.Number, line.Rejected.Code))
			continue
		}
		out = append(out, fmt.Sprintf("%d:%s", line.Number, line.Raw))
	}
}

func TestLines(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":            {"", []string{}},
		"only blanks":        {"\n \r\n", []string{}},
		"ndjson":             {"{\"a\":1}\n{\"b\":2}\n", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"no last newline":    {"{\"a\":1}\n{\"b\":2}", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"bom, crlf, blanks":  {"\ufeff\r\n{\"a\":1}\r\n\r\n{\"b\":2}\r\n", []string{`2:{"a":1}`, `4:{"b":2}`}},
		"a bad line is one":  {"{\"a\":1}\n{\"cut\n{\"b\":2}\n", []string{`1:{"a":1}`, `2:{"cut`, `3:{"b":2}`}},
		"first line bad":     {"{\"cut\n{\"b\":2}\n", []string{`1:{"cut`, `2:{"b":2}`}},
		"batch on a line":    {"{\"batch\":[{\"a\":1},{\"b\":2}]}\n[{\"c\":3}]\n", []string{`1:{"a":1}`, `1:{"b":2}`, `2:{"c":3}`}},
		"array on one line":  {`[{"a":1},{"b":2}]`, []string{`1:{"a":1}`, `1:{"b":2}`}},
		"array, then lines":  {"[{\"a\":1}]\n{\"b\":2}\n", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"array, line each":   {"[{\"a\":\"],\"},\n{\"b\":[2]}\n]\n", []string{`1:{"a":"],"}`, `2:{"b":[2]}`}},
		"array, printed":     {"[\n  {\n    \"a\": 1\n  },\n  {}\n]\n", []string{"2:{\n    \"a\": 1\n  }", "5:{}"}},
		"empty array":        {"[ ]\n", []string{}},
		"array, comma":       {"[{},]", []string{"1:{}", "1:"}},
		"array cut off":      {"[{\"a\":1},\n{\"b", []string{`1:{"a":1}`, `2:{"b`, "2!malformed-json"}},
		"objects, printed":   {"{\n \"a\": \"}\\\"\"\n}\n{\r\n}\n", []string{"1:{\n \"a\": \"}\\\"\"\n}", "4:{\r\n}"}},
		"batch, printed":     {"{ \n \"batch\": [\n {\"a\":1}\n ]\n}", []string{`1:{"a":1}`}},
		"too long":           {"{}\n" + strings.Repeat("x", 200<<10) + "\n{}\n", []string{"1:{}", "2!too-large", "3:{}"}},
		"too long element":   {"[{},\n{\"a\":\"" + strings.Repeat("x", 200<<10) + "\"},{}]", []string{"1:{}", "2!too-large", "2:{}"}},
		"too long, printed":  {"{\n\"a\":\"" + strings.Repeat("x", 200<<10) + "\"\n}\n{}", []string{"1!too-large", "4:{}"}},
		"exactly long":       {strings.Repeat("x", 1000) + "\r\n", []string{"1:" + strings.Repeat("x", 1000)}},
		"one beyond":         {strings.Repeat("x", 1001) + "\n", []string{"1!too-large"}},
		"text, not json":     {"hello\nworld", []string{"1:hello", "2:world"}},
		"brackets unmatched": {"[}},{}]", []string{"1:}}", "1:{}"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, read(t, strings.NewReader(tc.in), 1000))
			assert.Equal(t, tc.want, read(t, iotest.OneByteReader(strings.NewReader(tc.in)), 1000), "whatever the read sizes")
		})
	}
}

func TestLines_RawOutlivesTheReader(t *testing.T) {
	var in bytes.Buffer
	for i := range 20000 {
		fmt.Fprintf(&in, "{\"n\":%d}\n", i)
	}
	l, raws := NewLines(&in, 0), [][]byte{}
	for line, err := l.Next(); err == nil; line, err = l.Next() {
		raws = append(raws, line.Raw)
	}
	require.Len(t, raws, 20000)
	for i, raw := range raws {
		require.Equal(t, fmt.Sprintf("{\"n\":%d}", i), string(raw))
	}
}

func TestLines_ReadErrorIsNamedWithItsLine(t *testing.T) {
	broken := errors.New("disk on fire")
	l := NewLines(io.MultiReader(strings.NewReader("{}\n{}"), iotest.ErrReader(broken)), 0)
	for range 2 {
		_, err := l.Next()
		require.NoError(t, err)
	}
	_, err := l.Next()
	require.ErrorIs(t, err, broken)
}

func FuzzLines(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	f.Add([]byte("[\n{},\n{}\n]\n{}\n"))
	f.Add([]byte("{\n}\n{\n"))
	d := NewDecoder(Options{AllowTicks: true})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, last := NewLines(bytes.NewReader(b), 200), 1
		for {
			line, err := l.Next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				return
			}
			require.GreaterOrEqual(t, line.Number, last)
			last = line.Number
			if line.Rejected == nil {
				if ev, rej := d.Decode(line.Raw, 0); rej == nil {
					sane(t, ev)
				}
			}
		}
	})
}
