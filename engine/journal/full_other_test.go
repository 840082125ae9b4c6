//go:build !unix

package journal

import "errors"

func limitFiles(string) error { return errors.New("file sizes cannot be limited here") }
