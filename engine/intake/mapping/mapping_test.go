package mapping

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/intake"
)

// people is a mapping that uses all of the language.
const people = `
mapping "people" {
  id         = "Email"
  account_id = "Company ID"
  time       = column("Created", "Created at")
  dates      = ["DD-MM-YYYY", "DD-MM-YYYY HH:mm"]
  zone       = "Europe/Berlin"
  decimal    = ","
  trait "title" { column = ["Job title", "Title"] }
  trait "age" {
    column = "Age"
    type   = "number"
  }
  trait "vip" {
    column   = "VIP"
    type     = "bool"
    optional = true
  }
  trait "born" {
    column = "Born"
    type   = "date"
  }
  account "industry" { column = "Industry" }
  event "Email Opened" {
    when_column = "Last activity"
    property "campaign" { column = "Campaign" }
  }
  page "/pricing" {
    count_column = "Pricing views"
    max          = 2
  }
}
`

const header = "Email;Company ID;Created;Title;Age;Born;Industry;Last activity;Campaign;Pricing views\n"

func load(t *testing.T, src string) *Mapping {
	t.Helper()
	ms, diags := Load("mapping.hcl", []byte(src))
	require.False(t, diags.HasErrors(), diags.Error())
	require.Len(t, ms, 1)
	return ms[0]
}

func rows(t *testing.T, m *Mapping, r io.Reader) ([]Row, Counts) {
	t.Helper()
	rd, diags := m.NewReader(r)
	require.False(t, diags.HasErrors(), diags.Error())
	var out []Row
	for {
		row, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return out, rd.Counts()
		}
		require.NoError(t, err)
		out = append(out, row)
	}
}

// withoutIDs drops the message ids, which TestRows_Ids is about.
func withoutIDs(t *testing.T, events [][]byte) []string {
	out := []string{}
	for _, raw := range events {
		s := string(raw)
		require.True(t, strings.HasPrefix(s, `{"messageId":"csv-`), s)
		_, rest, _ := strings.Cut(s, ",")
		out = append(out, "{"+rest)
	}
	return out
}

func TestRows_BecomeEvents(t *testing.T) {
	got, counts := rows(t, load(t, people), strings.NewReader(header+
		"ann@acme.example;a1;31-01-2026 10:30;CEO \"boss\";41,5;01-02-1980;saas;email opened;spring;7\n"+
		"\"bob@acme.example;;31-07-2026;N/A;Select;;;Other;;\"\n"))
	require.Len(t, got, 2)
	assert.Equal(t, []string{
		`{"type":"identify","userId":"ann@acme.example","timestamp":"2026-01-31T09:30:00.000Z","traits":{"title":"CEO \"boss\"","age":41.5,"born":"1980-02-01"}}`,
		`{"type":"group","userId":"ann@acme.example","timestamp":"2026-01-31T09:30:00.000Z","groupId":"a1","traits":{"industry":"saas"}}`,
		`{"type":"track","userId":"ann@acme.example","timestamp":"2026-01-31T09:30:00.000Z","event":"Email Opened","properties":{"campaign":"spring"}}`,
		`{"type":"page","userId":"ann@acme.example","timestamp":"2026-01-31T09:30:00.000Z","properties":{"path":"/pricing"}}`,
		`{"type":"page","userId":"ann@acme.example","timestamp":"2026-01-31T09:30:00.000Z","properties":{"path":"/pricing"}}`,
	}, withoutIDs(t, got[0].Events))
	assert.Equal(t, []string{`{"type":"identify","userId":"bob@acme.example","timestamp":"2026-07-30T22:00:00.000Z","traits":{}}`},
		withoutIDs(t, got[1].Events), "nothing known is nothing said; midnight in the mapping's zone")
	assert.True(t, got[1].Repaired)
	assert.Equal(t, Counts{Rows: 2, Accepted: 1, Repaired: 1, Events: 6}, counts)
}

func TestRows_Ids(t *testing.T) {
	m := load(t, people)
	row := "ann@acme.example;a1;31-01-2026;CEO;41;;saas;;;2\n"
	first, _ := rows(t, m, strings.NewReader(header+row))
	again, _ := rows(t, m, strings.NewReader(header+"x;;31-01-2026;;;;;;;\n"+row))
	assert.Equal(t, first[0].Events, again[1].Events, "wherever the row stands")
	seen := map[string]bool{}
	d := intake.NewDecoder(intake.Options{})
	for _, raw := range first[0].Events {
		ev, rej := d.Decode(raw, 0)
		require.Nil(t, rej)
		assert.False(t, seen[ev.ID], "two visits are two events")
		seen[ev.ID] = true
	}
	other, _ := rows(t, m, strings.NewReader(header+strings.Replace(row, "CEO", "CTO", 1)))
	assert.NotEqual(t, first[0].Events[0], other[0].Events[0])
}

func TestRows_Rejected(t *testing.T) {
	for name, tc := range map[string]struct{ row, code, says string }{
		"no id":         {";a1;31-01-2026;;;;;;;", intake.CodeCSVRow, `column "Email": found nothing`},
		"control in id": {"a\x07b;a1;31-01-2026;;;;;;;", intake.CodeIDControl, `column "Email"`},
		"long id":       {strings.Repeat("x", 257) + ";a1;31-01-2026;;;;;;;", intake.CodeIDLong, "257"},
		"no time":       {"x;a1;;;;;;;;", intake.CodeBadTime, `column "Created"`},
		"odd time":      {"x;a1;01/31/2026;;;;;;;", intake.CodeBadTime, "01/31/2026"},
		"old time":      {"x;a1;31-01-1926;;;;;;;", intake.CodeTimeRange, "2000"},
		"no number":     {"x;a1;31-01-2026;;forty;;;;;", intake.CodeCSVRow, `column "Age": found "forty", expected a number`},
		"other decimal": {"x;a1;31-01-2026;;4.5;;;;;", intake.CodeCSVRow, `"4.5"`},
		"no date":       {"x;a1;31-01-2026;;;31-02-1980;;;;", intake.CodeCSVRow, `column "Born"`},
		"half a view":   {"x;a1;31-01-2026;;;;;;;1,5", intake.CodeCSVRow, "a count"},
		"minus a view":  {"x;a1;31-01-2026;;;;;;;-1", intake.CodeCSVRow, "a count"},
		"too few":       {"x;a1", intake.CodeCSVRow, "2 fields"},
	} {
		t.Run(name, func(t *testing.T) {
			got, counts := rows(t, load(t, people), strings.NewReader(header+tc.row+"\nok;;31-01-2026;;;;;;;\n"))
			require.Len(t, got, 2)
			require.NotNil(t, got[0].Rejected)
			rej := got[0].Rejected
			assert.Equal(t, tc.code, rej.Code)
			assert.Contains(t, rej.Reason, "line 2")
			assert.Contains(t, rej.Reason, tc.says)
			assert.Equal(t, 2, rej.Line)
			assert.Equal(t, tc.row, string(rej.Raw))
			assert.Empty(t, got[0].Events)
			assert.Nil(t, got[1].Rejected, "its neighbour is imported")
			assert.Equal(t, Counts{Rows: 2, Accepted: 1, Rejected: 1, Events: 1}, counts)
		})
	}
}

func TestRows_CountsAreBounded(t *testing.T) {
	m := load(t, `mapping "m" {
  id = "id"
  time = "2026-01-01T00:00:00Z"
  event "E" { count_column = "n" }
}`)
	got, _ := rows(t, m, strings.NewReader("id,n\na,10000\nb,10001\nc,1e300\n"))
	assert.Len(t, got[0].Events, 10001)
	assert.Equal(t, intake.CodeCSVRow, got[1].Rejected.Code)
	assert.Equal(t, intake.CodeCSVRow, got[2].Rejected.Code)
}

func TestReader_ColumnsMustBeThere(t *testing.T) {
	for name, tc := range map[string]struct{ header, says string }{
		"missing": {"Email;Company ID;Created;Title;Age;Born;Industry;Campaign;Pricing views\n", `expected a column named "Last activity"`},
		"neither": {strings.Replace(header, "Title", "Role", 1), `"Job title" or "Title"`},
		"twice":   {strings.Replace(header, "Age", "EMAIL", 1), "2 columns"},
		"empty":   {"", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := load(t, people).NewReader(strings.NewReader(tc.header))
			require.True(t, diags.HasErrors())
			assert.Contains(t, diags.Error(), tc.says)
			assert.NotZero(t, diags[0].Subject.Start.Line)
		})
	}
}

// Every mistake of a mapping is reported at its spot.
func TestLoad_Diagnostics(t *testing.T) {
	wrap := func(body string) string {
		return "mapping \"m\" {\n  id = \"ID\"\n  time = \"2026-01-01T00:00:00Z\"\n" + body + "\n}"
	}
	for name, tc := range map[string]struct {
		src, says string
		line      int
	}{
		"syntax":             {"mapping \"m\" {", "brace", 1},
		"no mapping":         {"", "No mapping", 1},
		"unknown block":      {"workflow \"x\" {}", "workflow", 1},
		"two of a name":      {wrap("") + "\n" + wrap(""), "Second mapping", 6},
		"no id":              {"mapping \"m\" {\n  time = \"2026-01-01T00:00:00Z\"\n}", `"id"`, 1},
		"no zone":            {"mapping \"m\" {\n  id = \"ID\"\n  time = \"2026-01-01T00:00:00\"\n}", "zone", 3},
		"time is a number":   {"mapping \"m\" {\n  id = \"ID\"\n  time = 7\n}", "expected a text or a list", 3},
		"column of nothing":  {"mapping \"m\" {\n  id = \"ID\"\n  time = column()\n}", "needs the name", 3},
		"unknown function":   {wrap("  nulls = lower(\"x\")"), "lower", 4},
		"null":               {wrap("  nulls = null"), "Found nothing", 4},
		"empty column":       {wrap("  trait \"x\" {\n  column = []\n  }"), "empty list", 5},
		"unknown attribute":  {wrap("  sepp = 1"), "sepp", 4},
		"unknown type":       {wrap("  trait \"x\" {\n  column = \"c\"\n  type = \"int\"\n  }"), "Unknown type", 6},
		"no column":          {wrap("  trait \"x\" {\n  }"), `"column"`, 4},
		"trait twice":        {wrap("  trait \"x\" { column = \"c\" }\n  trait \"x\" { column = \"d\" }"), "Second block", 5},
		"optional is a text": {wrap("  trait \"x\" {\n  column = \"c\"\n  optional = \"maybe\"\n  }"), "true or false", 6},
		"event without when": {wrap("  event \"x\" {\n  }"), "either when_column", 4},
		"event with both":    {wrap("  event \"x\" {\n  when_column = \"a\"\n  count_column = \"b\"\n  }"), "either when_column", 4},
		"equals of a count":  {wrap("  event \"x\" {\n  count_column = \"a\"\n  equals = \"b\"\n  }"), "equals", 6},
		"max of a when":      {wrap("  event \"x\" {\n  when_column = \"a\"\n  max = 3\n  }"), "max", 6},
		"max of zero":        {wrap("  event \"x\" {\n  count_column = \"a\"\n  max = 0\n  }"), "whole number", 6},
		"event without name": {wrap("  event \"\" {\n  when_column = \"a\"\n  }"), "No name", 4},
		"bad comma":          {wrap("  comma = \"x\""), "comma", 4},
		"bad zone":           {wrap("  zone = \"Berlin\""), "time zone", 4},
		"bad date format":    {wrap("  dates = \"dd.mm.yy\""), "date format", 4},
		"half a date format": {wrap("  dates = \"YYYY-MM\""), "date format", 4},
		"never":              {wrap("  never = [\"Tags\"]\n  trait \"x\" {\n  column = \"tags\"\n  }"), "never", 6},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := Load("mapping.hcl", []byte(tc.src))
			require.True(t, diags.HasErrors())
			assert.Contains(t, diags.Error(), tc.says)
			require.NotNil(t, diags[0].Subject)
			assert.Equal(t, tc.line, diags[0].Subject.Start.Line, diags.Error())
		})
	}
}

func shared(t *testing.T, name string) io.Reader {
	t.Helper()
	dir := os.Getenv("RIPEN_SHARED_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Skipf("real data is not here (set RIPEN_SHARED_DATA): %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func example(t *testing.T) *Mapping {
	src, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "x-education", "mapping.hcl"))
	require.NoError(t, err)
	return load(t, string(src))
}

func TestExample_XEducationMappingLoads(t *testing.T) {
	for _, c := range example(t).columns() {
		for _, leak := range []string{"Tags", "Lead Quality", "Last Notable Activity", "Converted"} {
			assert.NotContains(t, c.Names, leak, "written after the outcome")
		}
	}
}

func TestExample_BrokenAndCleanFileGiveTheSameEvents(t *testing.T) {
	m := example(t)
	clean, a := rows(t, m, shared(t, "x_education/lead_scoring.csv"))
	mended, b := rows(t, m, shared(t, "x_education/lead_scoring_malformed.csv"))
	assert.Equal(t, Counts{Rows: 9240, Accepted: 9240, Events: a.Events}, a)
	assert.Equal(t, Counts{Rows: 9240, Accepted: 8902, Repaired: 338, Events: a.Events}, b)
	require.Equal(t, len(clean), len(mended))
	kinds := map[string]int{}
	d := intake.NewDecoder(intake.Options{})
	for i := range clean {
		require.Equal(t, clean[i].Events, mended[i].Events, "line %d", clean[i].Line)
		for _, raw := range clean[i].Events {
			ev, rej := d.Decode(raw, 0)
			require.Nil(t, rej)
			kinds[fmt.Sprint(ev.Kind, " ", ev.Name)]++
		}
	}
	assert.Equal(t, 9240, kinds["identify "])
	assert.Equal(t, 3437, kinds["track Email Opened"])
	assert.Equal(t, 326, kinds["track Email Bounced"])
	assert.Equal(t, 2888, kinds["track Resource Downloaded"])
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(people))
	f.Add([]byte(`mapping "m" { id = ["a"] }`))
	f.Fuzz(func(t *testing.T, src []byte) {
		ms, diags := Load("mapping.hcl", src)
		if diags.HasErrors() {
			return
		}
		for _, m := range ms {
			_, _ = m.NewReader(strings.NewReader(header + "a;b;c;d;e;f;g;h;i;j\n"))
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte(header + "ann@acme.example;a1;31-01-2026 10:30;CEO;41,5;01-02-1980;saas;email opened;spring;7\n"))
	ms, _ := Load("mapping.hcl", []byte(people))
	d := intake.NewDecoder(intake.Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		rd, diags := ms[0].NewReader(strings.NewReader(string(b)))
		if diags.HasErrors() {
			return
		}
		for {
			row, err := rd.Next()
			if err != nil {
				c := rd.Counts()
				require.Equal(t, c.Rows, c.Accepted+c.Repaired+c.Rejected)
				return
			}
			require.Equal(t, row.Rejected == nil, len(row.Events) > 0)
			for _, raw := range row.Events {
				_, rej := d.Decode(raw, 0)
				require.Nil(t, rej)
			}
		}
	})
}

func TestReader_ColumnsBesideTheMapping(t *testing.T) {
	all, diags := Load("m.hcl", []byte(`mapping "m" {
  id   = "Lead"
  time = "2026-01-01T00:00:00Z"
  trait "size" { column = ["Size", "Employees"] }
}`))
	require.Empty(t, diags)
	rd, diags := all[0].NewReader(strings.NewReader("Lead,Employees,Won,Note\nann,1, yes ,Select\n\"bob,2,no,late\"\n"), "won", "Note")
	require.Empty(t, diags)
	for _, want := range [][]string{{"yes", ""}, {"no", "late"}} {
		row, err := rd.Next()
		require.NoError(t, err)
		require.Equal(t, want, row.Beside)
		require.NotContains(t, string(row.Events[0]), want[0], "no event is made of them")
	}
	_, diags = all[0].NewReader(strings.NewReader("Lead,Size\nann,1\n"), "Won")
	require.ErrorContains(t, diags, `expected a column named "Won"`)
	at, used := all[0].Uses("employees")
	require.True(t, used)
	require.Equal(t, 4, at.Start.Line)
	_, used = all[0].Uses("Won")
	require.False(t, used)
}
