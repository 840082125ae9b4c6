//go:build wasip1

package sdk

import (
	"runtime"
	"unsafe"

	"github.com/ripenhq/ripen/sdk/abi"
)

// The one guest of this module. A module instance is a process of its own with
// one configuration, so this is the place for it.
var (
	guest *Guest
	// arena is static, not allocated, so that it never counts as garbage to pace
	// the collector by; pages that the host leaves alone are never touched.
	arena [abi.MaxArena / 8]uint64
)

// Register makes p the plugin of this module. Call it from init.
func Register(p Plugin) { guest = NewGuest(p) }

func address(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	return uint32(uintptr(unsafe.Pointer(&b[0])))
}

//go:wasmexport ripen_abi_v1
func exportMarker() {}

//go:wasmexport ripen_describe
func exportDescribe() uint32 { return address(guest.Describe()) }

//go:wasmexport ripen_reserve
func exportReserve(size uint32) uint32 {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&arena)), abi.MaxArena)
	if size > uint32(len(b)) || !guest.Reserve(b[:size]) {
		return 0
	}
	return address(b)
}

//go:wasmexport ripen_configure
func exportConfigure(off, n uint32) uint32 {
	blob, err := guest.Configure(off, n)
	if err != nil {
		return 0
	}
	return address(blob)
}

//go:wasmexport ripen_bind
func exportBind(off, n uint32) int32 { return guest.Bind(off, n) }

//go:wasmexport ripen_process
func exportProcess(n int32) int32 {
	// A collection that began in an earlier call only makes progress while other
	// goroutines may run; without this the heap grows to its limit.
	runtime.Gosched()
	return guest.Process(n)
}

//go:wasmexport ripen_migrate
func exportMigrate(from, to uint32) int32 { return guest.Migrate(from, to) }
