package meter

import (
	"errors"
	"fmt"
)

var (
	// ErrMalformed marks bytes that are not a WebAssembly module.
	ErrMalformed = errors.New("malformed module")
	// ErrUnsupported marks a proposal that metered plugins may not use.
	ErrUnsupported = errors.New("unsupported WebAssembly feature")
	// ErrLimit marks a module that is larger in some dimension than we accept.
	ErrLimit = errors.New("module over a limit")
	// ErrReserved marks a module that already exports FuelExport.
	ErrReserved = errors.New("reserved export")
)

// fault is one refusal: what kind, where in the file, and what was found.
func fault(kind error, offset int, format string, args ...any) error {
	return fmt.Errorf("%w: at offset %#x: %s", kind, offset, fmt.Sprintf(format, args...))
}
