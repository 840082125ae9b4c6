package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sort"

	"github.com/ripenhq/ripen/engine/workflow"
)

// digest is the identity of a model: the workflow's files, its tables and its
// plugins, each with its length in front.
func digest(def *workflow.Definition, work []*stepWork) string {
	h := sha256.New()
	put(h, "ripen model 1")
	names := make([]string, 0, len(def.Files))
	for name := range def.Files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		put(h, "file", string(def.Files[name].Bytes))
	}
	for i := range def.Tables {
		t := &def.Tables[i]
		put(h, "table", t.Name, fmt.Sprint(t.Fold))
		put(h, t.Columns...)
		for _, row := range t.Rows {
			put(h, row...)
		}
	}
	for _, w := range work {
		put(h, "step", w.def.Name, w.info.Manifest.Name, w.info.Digest)
		if w.backup != nil {
			put(h, "fallback", w.backup.info.Manifest.Name, w.backup.info.Digest)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
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
