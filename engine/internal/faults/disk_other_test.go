//go:build !linux

package faults_test

import "testing"

func TestFault_DiskFull(t *testing.T) {
	t.Skip("the limit on the size of a running process's files is set by prlimit, which only Linux has")
}
