package release_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/release"
)

var (
	one = strings.Repeat("1", 64)
	two = strings.Repeat("2", 64)
)

func pins() []release.Pin {
	return []release.Pin{{Name: "fit-grade", Version: "1.2.0", Digest: two}, {Name: "behavior-points", Version: "1.0.0", Digest: one}}
}

const written = "# Pins the plugins of this workflow. Written by `ripen init`; change it with\n" +
	"# `ripen init --upgrade`, and keep it under version control.\n" + `
plugin "behavior-points" {
  version = "1.0.0"
  digest  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
}

plugin "fit-grade" {
  version = "1.2.0"
  digest  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
}
`

func TestLock_IsWrittenInOneWay(t *testing.T) {
	require.Equal(t, written, string(release.NewLock(pins()).Render()))
	lock, _, diags := release.ParseLock("ripen.lock.hcl", []byte(written))
	require.Empty(t, diags)
	require.Equal(t, written, string(lock.Render()))
	require.Equal(t, one, lock.Pin("behavior-points").Digest)
	require.Nil(t, lock.Pin("decay"))
	none, _, diags := release.ReadLock(fstest.MapFS{}, "dir")
	require.Empty(t, diags)
	require.Nil(t, none)
}

func TestLock_BrokenFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no HCL":         {`plugin "a" {`, "ripen.lock.hcl:1"},
		"another block":  {`provider "a" {}`, "plugin blocks only|plugin \"decay\""},
		"attribute":      {`version = 1`, "found version"},
		"no digest":      {`plugin "a" { version = "1" }`, "64 hexadecimal digits"},
		"short digest":   {`plugin "a" { digest = "sha256:12" }`, `found "sha256:12"`},
		"not a text":     {`plugin "a" { digest = 12 }`, "digest must be a text"},
		"what is this":   {`plugin "a" { constraint = "1" }`, "found constraint"},
		"twice":          {written + "plugin \"fit-grade\" {\n digest = \"sha256:" + one + "\"\n}\n", "stands twice"},
		"a block inside": {"plugin \"a\" {\n x {}\n}", "found a block x"},
	} {
		t.Run(name, func(t *testing.T) {
			lock, _, diags := release.ReadLock(fstest.MapFS{release.LockFile: {Data: []byte(c.text)}}, "")
			require.Nil(t, lock)
			require.True(t, diags.HasErrors())
			require.Regexp(t, c.want, text(diags))
		})
	}
	_, _, diags := release.ReadLock(fstest.MapFS{release.LockFile: {Data: make([]byte, 1<<20+1)}}, "")
	require.ErrorContains(t, diags, "a lock file may have 1048576")
}

func text(diags hcl.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(d.Error() + "\n")
	}
	return b.String()
}

func TestLock_CheckNamesFoundAndExpected(t *testing.T) {
	lock, _, diags := release.ParseLock("w/ripen.lock.hcl", []byte(written))
	require.Empty(t, diags)
	found := func(pin release.Pin) []release.Found { return []release.Found{{Pin: pin, Origin: "plugins/x.wasm"}} }
	require.Empty(t, lock.Check(found(pins()[0])))
	diags = lock.Check(found(release.Pin{Name: "fit-grade", Version: "1.3.0", Digest: one}))
	require.Len(t, diags, 1)
	require.Equal(t, "w/ripen.lock.hcl:11,13-86", diags[0].Subject.String())
	require.Contains(t, diags[0].Detail, "expects the plugin \"fit-grade\" of version 1.2.0 with digest sha256:"+two+"; found version 1.3.0 (plugins/x.wasm) with digest sha256:"+one)
	require.Contains(t, diags[0].Detail, "ripen init --upgrade")
	diags = lock.Check(found(release.Pin{Name: "decay", Version: "1.0.0", Digest: one}))
	require.Contains(t, text(diags), "Run ripen init to pin it")
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(written))
	f.Add([]byte(`plugin "a" { digest = "sha256:" }`))
	f.Fuzz(func(t *testing.T, src []byte) {
		lock, _, diags := release.ParseLock("x", src)
		require.Equal(t, diags.HasErrors(), lock == nil)
		if lock == nil {
			return
		}
		again, _, diags := release.ParseLock("x", lock.Render())
		require.Empty(t, diags)
		require.Equal(t, lock.Render(), again.Render())
	})
}
