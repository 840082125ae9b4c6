// Package workflows holds the starter models: each folder reproduces one
// published way of scoring leads, exactly.
//
// It imports nothing of ours and holds no logic: the folders are its content,
// the file system here is how the binary carries them along.
package workflows

import "embed"

// FS holds every starter in a folder of its name.
//
//go:embed */*
var FS embed.FS
