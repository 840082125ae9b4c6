package workflow

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"
)

func TestLoad_GiantFile(t *testing.T) {
	src := "workflow \"w\" {}" + tail
	_, diags := Load(folder("a.hcl", src+strings.Repeat("#", maxFileBytes)), testOptions(t))
	require.Len(t, diags, 1)
	require.Equal(t, "File too large", diags[0].Summary)
	require.Equal(t, "a.hcl", diags[0].Subject.Filename)

	mustLoad(t, "a.hcl", src+strings.Repeat("#", maxFileBytes-len(src)))
}

func TestLoad_GiantFolder(t *testing.T) {
	files := fstest.MapFS{"a.hcl": {Data: []byte("workflow \"w\" {}" + tail)}}
	for i := range 300 {
		files["x"+strings.Repeat("x", i)+".hcl"] = &fstest.MapFile{Data: []byte("# nothing\n")}
	}
	_, diags := Load(files, testOptions(t))
	require.True(t, diags.HasErrors())
	require.Contains(t, diags[0].Detail, "at most 256 files")
}

// A quarter of the largest file, of the worst we can think of, is read or
// refused soon; what costs its square would not be.
func TestLoad_HostileFilesEndSoon(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, maxFileBytes/4/len(s)) }
	opts := testOptions(t)
	for name, body := range map[string]string{
		"open parentheses":   "score \"a\" { value = " + fill("("),
		"nots":               "score \"a\" { value = " + fill("!"),
		"minus":              "score \"a\" { value = " + fill("- "),
		"conditionals":       "score \"a\" { value = " + fill("a?b:") + "1 }",
		"templates":          "score \"a\" { value = \"" + fill("${\""),
		"if templates":       "score \"a\" { value = \"" + fill("%{if a}"),
		"interpolations":     "score \"a\" { value = \"" + fill("${a}") + "\" }",
		"blocks in blocks":   fill("score \"a\" {\n"),
		"closing braces":     fill("}"),
		"unknown blocks":     fill("w {}\n"),
		"unknown attributes": "score \"a\" {\n" + manyAttributes() + "}\n",
		"routes":             fill("route \"a\" \"b\" { when = 1 }\n"),
		"long list":          "veto \"a\" {\n when = true\n actions = [" + fill("\"a\",") + "]\n}\n",
		"distinct list":      "veto \"a\" {\n when = true\n actions = [" + manyStrings() + "]\n}\n",
		"long object":        "step \"probe\" \"a\" {\n events = {" + fill("a=1,") + "}\n}\n",
		"wrong points":       "step \"probe\" \"a\" {\n events = {" + strings.ReplaceAll(manyStrings(), ",", " = true,") + "}\n}\n",
		"wrong keys":         "step \"probe\" \"a\" {\n codes = {" + strings.ReplaceAll(manyStrings(), ",", " = 1,") + "}\n}\n",
		"unique items":       "step \"probe\" \"a\" {\n tags = [" + manyStrings() + "]\n}\n",
		"blocks of a step":   "step \"probe\" \"a\" {\n" + fill("class \"a\" {}\n") + "}\n",
		"numbers":            "score \"a\" { floor = " + fill("9") + " }",
		"heredocs":           "score \"a\" {\n about = <<X\n" + fill("line ${1}\n") + "X\n}\n",
		"indexes":            "score \"a\" { value = a" + fill("[0]") + " }",
		"attributes of a":    "score \"a\" { value = a" + fill(".b") + " }",
		"splats":             "score \"a\" { value = a" + fill(".*") + " }",
		"for in for":         "score \"a\" { floor = " + strings.Repeat("[for a in [1,2,3,4,5,6,7,8,9]: ", 40) + "1" + strings.Repeat("]", 40) + " }",
		"zero bytes":         fill("\x00"),
		"quotes":             fill("\""),
		"strings in lists":   "table \"a\" { values = " + strings.Repeat("[", 63) + fill("\"a\","),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			def, diags := Load(folder("a.hcl", "workflow \"w\" {}\n"+body), opts)
			require.True(t, diags.HasErrors())
			require.NotNil(t, def)
			require.LessOrEqual(t, len(diags), maxDiags+1)
			require.Less(t, time.Since(start), 30*time.Second)
		})
	}
}

func manyAttributes() string {
	var b strings.Builder
	for i := range 20_000 {
		b.WriteString("x" + strconv.Itoa(i) + " = 1\n")
	}
	return b.String()
}

func manyStrings() string {
	var b strings.Builder
	for i := range 20_000 {
		b.WriteString("\"a" + strconv.Itoa(i) + "\",")
	}
	return b.String()
}

func TestLoad_Files(t *testing.T) {
	def := mustLoad(t,
		"b.hcl", "route \"sales-handoff\" \"two\" { when = true }\n",
		"a.hcl", "workflow \"w\" {}\nroute \"sales-handoff\" \"one\" { when = true }"+tail,
		"mapping.hcl", "broken {", "ripen.hcl", "broken {", "ripen.lock.hcl", "broken {",
		"w.ripentest.hcl", "broken {", ".hidden.hcl", "broken {", "notes.txt", "broken {",
		"sub/c.hcl", "broken {",
	)
	require.Equal(t, []string{"one", "two", "rest"}, []string{def.Routes[0].Name, def.Routes[1].Name, def.Routes[2].Name},
		"files by name, the default last")
	require.Len(t, def.Files, 2)
}

func TestLoad_OtherFilesAreStillChecked(t *testing.T) {
	opts := testOptions(t)
	opts.Dir = "workflows/x"
	_, diags := Load(folder("a.hcl", "workflow \"w\" {", "b.hcl", "score \"s\" { floor = true }\n"), opts)
	require.Len(t, diags, 2, "a broken file is no reason to be silent about the others, or to miss a default route")
	require.Equal(t, "workflows/x/a.hcl", diags[0].Subject.Filename)
	require.Equal(t, "workflows/x/b.hcl", diags[1].Subject.Filename)
}

func TestLoad_NoFiles(t *testing.T) {
	_, diags := Load(folder("readme.md", "x"), Options{})
	require.Len(t, diags, 1)
	require.Contains(t, diags[0].Detail, "no workflow file")
	_, diags = Load(failingFS{}, Options{})
	require.Len(t, diags, 1)
	require.Contains(t, diags[0].Detail, "disk on fire")
}

type failingFS struct{}

func (failingFS) Open(string) (fs.File, error) { return nil, errors.New("disk on fire") }

func TestLoad_WithoutPlugins(t *testing.T) {
	def, diags := Load(folder("a.hcl", "workflow \"w\" {}\nstep \"probe\" \"s\" {}"+tail), Options{})
	require.Len(t, diags, 1)
	require.Contains(t, diags[0].Detail, `There is no plugin "probe". There is none.`)
	require.Nil(t, def.Steps[0].Config)
}

func TestLoad_TableIsAFolder(t *testing.T) {
	_, diags := Load(folder("a.hcl", "workflow \"w\" {}\ntable \"t\" { file = \"lists\" }"+tail, "lists/x.csv", "a\n"), Options{})
	require.Len(t, diags, 1)
	require.Contains(t, diags[0].Detail, "lists: ")
	require.Equal(t, hcl.DiagError, diags[0].Severity)
}
