//go:build !linux

package main

import "time"

// planClock is a clock in ns.
func planClock() int64 { return time.Now().UnixNano() }
