//go:build !linux

package wasm

func reserve(uint64) ([]byte, bool) { return nil, false }

func release([]byte) {}

func drop([]byte) bool { return false }
