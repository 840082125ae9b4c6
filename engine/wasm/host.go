package wasm

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Budgets, see Options.
const (
	// DefaultFuel is the budget of one input: one to a few milliseconds of work
	// (a std-Go module uses about ten units a nanosecond, small loops of others
	// four), and at least four full rounds of the dearest shipped step.
	DefaultFuel uint64 = 1 << 26
	// MaxFuel is the most that a manifest may ask for.
	MaxFuel uint64 = 1 << 28
	// TiredFuel is what a timer may cost that comes behind many others without an
	// input between them: ten thousand of them then take seconds and not minutes.
	// It is still hundreds of times what a timer of a shipped step costs.
	TiredFuel uint64 = 1 << 21
	// LoadFuel is the budget of each call while a plugin is loaded and
	// configured.
	LoadFuel uint64 = 1 << 31

	pageSize = 64 << 10
	// GoPages is the default memory limit of a module that imports WASI, which is
	// std Go: 16 MiB.
	GoPages uint32 = 256
	// SmallPages is that of the others: 2 MiB and the largest arena.
	SmallPages uint32 = (2<<20 + abi.MaxArena) / pageSize
	// MaxPages is the most that a manifest may ask for: 64 MiB.
	MaxPages uint32 = 1024
)

// Options configure a Host. The zero value works: no cache on disk, no log.
type Options struct {
	// CacheDir keeps compiled modules between runs. It is made with mode 0700
	// and refused when others may write to it: it holds machine code.
	CacheDir string
	// Log receives what plugins print, at debug level and thinned out.
	Log hclog.Logger
	// Quiet drops what plugins print, for replay.
	Quiet bool
	// Fuel is the budget of one input for plugins whose manifest asks for none;
	// 0 = DefaultFuel. It is part of what outcomes depend on.
	Fuel uint64
	// MaxPages bounds the memory that a manifest may ask for, in pages of 64 KiB;
	// 0 = MaxPages.
	MaxPages uint32
	// Unmetered runs plugins without fuel: a measurement of what metering costs,
	// and nothing else. A plugin that loops for ever then hangs its caller.
	Unmetered bool
	// Warm keeps the instances of a configuration after its last scorer is closed,
	// as long as the plugin is loaded: for tools that make scorers by the hundred.
	Warm bool
	// Progress, if set, is called before and after each compilation, which takes
	// seconds for a std-Go module that is not in the cache.
	Progress func(Progress)
}

// Progress is one step of a load.
type Progress struct {
	Plugin string // name in the manifest
	Bytes  int    // of the metered module
	Done   bool
}

// Host makes plugins. It is safe for concurrent use.
type Host struct {
	opts   Options
	cache  wazero.CompilationCache
	speaks contract
}

// NewHost opens the compile cache.
func NewHost(opts Options) (*Host, error) {
	if opts.Log == nil {
		opts.Log = hclog.NewNullLogger()
	}
	if opts.Fuel == 0 {
		opts.Fuel = DefaultFuel
	}
	if opts.MaxPages == 0 {
		opts.MaxPages = MaxPages
	}
	h := &Host{opts: opts, speaks: ours()}
	if opts.CacheDir == "" {
		h.cache = wazero.NewCompilationCache()
		return h, nil
	}
	if err := privateDir(opts.CacheDir); err != nil {
		return nil, err
	}
	cache, err := wazero.NewCompilationCacheWithDir(opts.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCacheDir, opts.CacheDir, err)
	}
	h.cache = cache
	return h, nil
}

// privateDir makes dir, and refuses one that others could plant code in.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrCacheDir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCacheDir, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o, expected 0700: it holds machine code that the engine runs; chmod 700 it or name another directory", ErrCacheDir, dir, mode)
	}
	return nil
}

// Close releases the compiled code. Plugins must be closed before.
func (h *Host) Close() error { return h.cache.Close(context.Background()) }
