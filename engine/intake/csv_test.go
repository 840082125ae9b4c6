package intake

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readCSV prints rows as "line:a|b", repaired ones with "~", rejected with
// "!code".
func readCSV(t *testing.T, r io.Reader) []string {
	t.Helper()
	c, err := NewCSV(r, 0)
	require.NoError(t, err)
	out := []string{strings.Join(c.Header(), "|")}
	for {
		rec, err := c.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		switch {
		case rec.Rejected != nil:
			require.Equal(t, rec.Line, rec.Rejected.Line)
			require.Nil(t, rec.Fields)
			out = append(out, fmt.Sprintf("%d!%s", rec.Line, rec.Rejected.Code))
		case rec.Repaired:
			out = append(out, fmt.Sprintf("%d~%s", rec.Line, strings.Join(rec.Fields, "|")))
		default:
			out = append(out, fmt.Sprintf("%d:%s", rec.Line, strings.Join(rec.Fields, "|")))
		}
	}
}

func TestCSV(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"plain":                     {"a,b\n1,2\n", []string{"a|b", "2:1|2"}},
		"bom, semicolon, crlf":      {"\ufeffa;b\r\n1;2\r\n\r\n3;4", []string{"a|b", "2:1|2", "4:3|4"}},
		"tabs":                      {"a\tb,c\td\n1\t2\t3\n", []string{"a|b,c|d", "2:1|2|3"}},
		"bars":                      {"a|b\n1|2\n", []string{"a|b", "2:1|2"}},
		"one column":                {"a\n1\n", []string{"a", "2:1"}},
		"spaces in the header":      {"a , b\n1, 2\n", []string{"a|b", "2:1| 2"}},
		"quotes":                    {"a,b\n\"x,\"\"y\"\"\",5\" disk\n", []string{"a|b", "2:x,\"y\"|5\" disk"}},
		"line break in a field":     {"a,b\n\"x\r\ny\",2\n3,4\n", []string{"a|b", "2:x\ny|2", "4:3|4"}},
		"wrapped record":            {"a,b\n\"1,\"\"x, y\"\"\"\n3,4\n", []string{"a|b", "2~1|x, y", "3:3|4"}},
		"wrapped header":            {"\"a;b\"\n\"1;2\"\n", []string{"a|b", "2~1|2"}},
		"separators left over":      {"a,b\n1,2,,\n", []string{"a|b", "2~1|2"}},
		"too few":                   {"a,b\n1\n3,4\n", []string{"a|b", "2!bad-csv-row", "3:3|4"}},
		"too many":                  {"a,b\n1,2,3\n", []string{"a|b", "2!bad-csv-row"}},
		"open quote costs one row":  {"a,b\n\"1,2\n3,4\n5,6\n", []string{"a|b", "2!bad-csv-row", "3:3|4", "4:5|6"}},
		"open quote before another": {"a,b\n\"1,2\n3,\"4\"\n5,6\n", []string{"a|b", "2!bad-csv-row", "3:3|4", "4:5|6"}},
		"text behind a quote":       {"a,b\n\"1\"x,2\n3,4\n", []string{"a|b", "2!bad-csv-row", "3:3|4"}},
		"latin 1":                   {"a,b\nM\xfcller,2\n3,4\n", []string{"a|b", "2!invalid-utf8", "3:3|4"}},
		"giant row":                 {"a,b\n" + strings.Repeat("x", maxRecordBytes) + ",2\n3,4\n", []string{"a|b", "2!too-large", "3:3|4"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, readCSV(t, strings.NewReader(tc.in)))
			assert.Equal(t, tc.want, readCSV(t, iotest.HalfReader(strings.NewReader(tc.in))))
		})
	}
}

func TestCSV_FilesWithoutHeaderAreRefused(t *testing.T) {
	for in, says := range map[string]string{"": "empty", "\n\n": "empty", "\xff\xfea\x00": "UTF-16", "M\xfc,b\n": "UTF-8", "\"a,b\n": "quote"} {
		_, err := NewCSV(strings.NewReader(in), 0)
		require.ErrorIs(t, err, ErrCSV, "%q", in)
		assert.Contains(t, err.Error(), says)
	}
	_, err := NewCSV(iotest.ErrReader(io.ErrUnexpectedEOF), 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// sharedData opens a real file, or skips.
func sharedData(t *testing.T, name string) *os.File {
	t.Helper()
	dir := os.Getenv("RIPEN_SHARED_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Skipf("real data is not here (set RIPEN_SHARED_DATA): %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestCSV_RepairsTheMalformedRealFile(t *testing.T) {
	clean := readCSV(t, sharedData(t, "x_education/lead_scoring.csv"))
	mended := readCSV(t, sharedData(t, "x_education/lead_scoring_malformed.csv"))
	require.Len(t, clean, 9241)
	require.Len(t, mended, 9241)
	repaired := 0
	for i := 1; i < len(clean); i++ {
		if want := fmt.Sprintf("%d~", i+1); strings.HasPrefix(mended[i], want) {
			mended[i] = strings.Replace(mended[i], "~", ":", 1)
			repaired++
		}
		require.Equal(t, clean[i], mended[i])
	}
	assert.Equal(t, 338, repaired)
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n\"1,\"\"x, y\"\"\"\n\"3\n\",4\n"))
	f.Add([]byte("\ufeffa;b\r\n\"1;2\r\n3;4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewCSV(strings.NewReader(string(b)), 0)
		if err != nil {
			return
		}
		last := 0
		for {
			rec, err := c.Next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				return
			}
			require.Greater(t, rec.Line, last, "every row has a line of its own")
			last = rec.Line
			if rec.Rejected == nil {
				require.Len(t, rec.Fields, len(c.Header()))
			}
		}
	})
}
