package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sort"

	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// digest is the identity of a model: the workflow's files, its tables and its
// plugins, each with its length in front.
func digest(def *workflow.Definition, work []*stepWork) string {
	h := sha256.New()
	put(h, "ripen model 1")
	putText(h, def)
	for _, w := range work {
		putPlugin(h, w)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// basis is the identity of what routes and scores change by while nothing
// happens: the whole text, and the plugins that look at time.
func basis(def *workflow.Definition, work []*stepWork) string {
	h := sha256.New()
	put(h, "ripen basis 1")
	putText(h, def)
	for _, w := range work {
		if w.spec.Caps&abi.CapMemoryless != 0 {
			putPlugin(h, w)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sum is the identity of what a step was told: its configuration with the
// expressions in it, and the tables.
func (b *builder) sum(w *stepWork) string {
	h := sha256.New()
	put(h, "ripen step 1", w.info.Manifest.Name, b.def.Zone, string(w.blob))
	for _, e := range w.config.exprs {
		put(h, b.source(e.Range()))
	}
	putTables(h, b.def)
	return hex.EncodeToString(h.Sum(nil))
}

// shortDigest is how many hex digits of a digest people and decisions get.
const shortDigest = 12

func short(digest string) string { return digest[:min(shortDigest, len(digest))] }

// pluginsOf names the plugins of all steps and fallbacks by their digests: what
// a decision says of who computed it.
func pluginsOf(work []*stepWork) map[string]string {
	out := make(map[string]string)
	for _, w := range work {
		out[w.info.Manifest.Name] = short(w.info.Digest)
		if w.backup != nil {
			out[w.backup.info.Manifest.Name] = short(w.backup.info.Digest)
		}
	}
	return out
}

func putPlugin(h hash.Hash, w *stepWork) {
	put(h, "step", w.def.Name, w.info.Manifest.Name, w.info.Digest)
	if w.backup != nil {
		put(h, "fallback", w.backup.info.Manifest.Name, w.backup.info.Digest)
	}
}

func putText(h hash.Hash, def *workflow.Definition) {
	names := make([]string, 0, len(def.Files))
	for name := range def.Files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		put(h, "file", string(def.Files[name].Bytes))
	}
	putTables(h, def)
}

func putTables(h hash.Hash, def *workflow.Definition) {
	for i := range def.Tables {
		t := &def.Tables[i]
		put(h, "table", t.Name, fmt.Sprint(t.Fold))
		put(h, t.Columns...)
		for _, row := range t.Rows {
			put(h, row...)
		}
	}
}

func put(h hash.Hash, parts ...string) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(parts)))
	_, _ = h.Write(n[:])
	for _, p := range parts {
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		_, _ = h.Write(n[:])
		_, _ = h.Write([]byte(p))
	}
}
