package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/workflow"
)

// maxHCLFile is how many bytes a configuration or a mapping may have.
const maxHCLFile = 1 << 20

// readHCL reads a file that is about to be parsed: bounded, because /dev/zero
// is a name as well, and not nested too deeply for the parser.
func readHCL(name string) (src []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err = io.ReadAll(io.LimitReader(f, maxHCLFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(src) > maxHCLFile:
		return nil, fmt.Errorf("%s has more than %d bytes (1 MiB)", name, maxHCLFile)
	}
	if d := workflow.Unparsable(name, src); d != nil {
		return nil, &diagnosed{hcl.Diagnostics{d}, map[string]*hcl.File{name: {Bytes: src}}}
	}
	return src, nil
}

// loaded is a koanf.Provider of bytes that were read already.
type loaded []byte

func (b loaded) ReadBytes() ([]byte, error)    { return b, nil }
func (b loaded) Read() (map[string]any, error) { return nil, errors.New("needs a parser") }
