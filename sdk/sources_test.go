//go:build !wasip1

package sdk

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A scaffold takes the licence along with the sources.
func TestSources_CarryTheLicenceOfTheProject(t *testing.T) {
	want, err := os.ReadFile("../LICENSE")
	require.NoError(t, err)
	got, err := Sources.ReadFile("LICENSE")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}
