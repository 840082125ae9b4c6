package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheListIsComplete(t *testing.T) {
	reqs, err := parse(list)
	require.NoError(t, err)
	count := map[string]int{}
	var reports []string
	for _, r := range reqs {
		count[r.ID[:3]]++
		if r.Later {
			reports = append(reports, r.ID)
		}
	}
	require.Equal(t, map[string]int{"000": 21, "001": 11, "002": 16, "003": 13, "004": 12}, count)
	require.Equal(t, []string{"001-08", "001-12", "004-11"}, reports)
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"000-1 short", "000-01", "000-01 a\n000-01 b", "hello there"} {
		_, err := parse(text)
		require.Error(t, err, text)
	}
}

func TestCandidates(t *testing.T) {
	for src, want := range map[string][]string{
		"func TestA(t *testing.T) {\n}\n":                                                                         nil,
		"func TestR000_01_A(t *testing.T) {\n}\nfunc TestB(t *testing.T) {\n}\n":                                  {"TestR000_01_A"},
		"func TestA(t *testing.T) {\n\tt.Run(\"R000_01_x\", nil)\n}\nfunc TestB(t *testing.T) {\n}\n":             {"TestA"},
		"func FuzzR000_01(f *testing.F) {\n}\n":                                                                   {"FuzzR000_01"},
		"var names = []string{\"R000_01\"}\nfunc TestA(t *testing.T) {\n}\nfunc TestB(t *testing.T) {\n}\n":       {"TestA", "TestB"},
		"func TestA(t *testing.T) {\n}\nfunc help() { run(\"R000_01\") }\nfunc TestB(t *testing.T) {\n\tx()\n}\n": {"TestA", "TestB"},
	} {
		require.Equal(t, want, candidatesIn(src), src)
	}
}

func TestJudge(t *testing.T) {
	reqs, err := parse("000-01 passes\n000-02 fails\n000-03 nobody\n000-04 skipped\n000-05 later (report) x\n000-06 later (report) y")
	require.NoError(t, err)
	unknown := judge(reqs, []proof{
		{"p", "TestR000_01", pass}, {"p", "TestR000_01/sub", pass}, {"p", "TestX/R000_01_R000_02", fail}, {"p", "TestY/R000_04", skip},
		{"p", "TestR000_06", pass}, {"p", "TestR999_01", pass},
	})
	require.Equal(t, []string{"p TestR999_01"}, unknown)
	var got []string
	for _, r := range reqs {
		got = append(got, r.Status)
	}
	require.Equal(t, []string{fail, fail, missing, missing, later, pass}, got)
	require.Len(t, reqs[0].Tests, 2, "a test stands for its subtests")
	require.Equal(t, 4, unproven(reqs))

	var out bytes.Buffer
	require.NoError(t, table(reqs, &out))
	require.Contains(t, out.String(), "000-03  MISSING  nobody\n")
	require.Contains(t, out.String(), "000-05  later    later (report) x\n")
	require.Contains(t, out.String(), "6 requirements: 0 proven, 2 later (report), 4 without proof")
}

// The go command is asked for real, in a module of its own.
func TestProve(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a package")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module probe\n\ngo 1.24\n",
		"a_test.go": "package probe\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\tt.Run(\"R000_01_yes\", func(*testing.T) {})\n\tt.Run(\"R000_02_no\", func(t *testing.T) { t.Fail() })\n}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	t.Chdir(dir)
	reqs, err := parse("000-01 a\n000-02 b\n000-03 c")
	require.NoError(t, err)
	var said bytes.Buffer
	require.NoError(t, prove(reqs, []string{"./..."}, &said))
	require.Equal(t, []string{pass, fail, missing}, []string{reqs[0].Status, reqs[1].Status, reqs[2].Status})
	require.Equal(t, []proof{{"probe", "TestA/R000_02_no", fail}}, reqs[1].Tests)

	require.Equal(t, 1, run([]string{"./..."}, &said, &said), "most of the list has no test here")
	require.Equal(t, 2, run([]string{"./nowhere"}, &said, &said))
}
