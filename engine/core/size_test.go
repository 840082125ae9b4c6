package core

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// An entry is two lines of the processor's cache, so that a look at a lead
// costs no third.
func TestEntry_FitsTwoCacheLines(t *testing.T) {
	assert.EqualValues(t, 128, unsafe.Sizeof(entry{}))
}
