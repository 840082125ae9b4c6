package wasm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassify_NamesTheBudget(t *testing.T) {
	out := errors.New("wasm error: out of fuel")
	assert.Equal(t, "the plugin used more fuel than the 67108864 units that one input may cost", classify(out, -1, DefaultFuel, "").text)
	assert.Equal(t, "the plugin used more fuel than the 2147483648 units that loading and configuring may cost", classify(out, -1, LoadFuel, "").text)
}
