package wasm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMigrate_BothWays(t *testing.T) {
	p := guestPlugin(t, Options{})
	s, err := p.NewScorer(context.Background(), guestSpec(t, p))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()

	up, err := s.Migrate([]byte{1, 2, 3, 4}, 1, 2)
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2, 3, 4, 0, 0, 0, 0}, up)
	down, err := s.Migrate(append([]byte{}, up...), 2, 1)
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2, 3, 4}, down)

	_, err = s.Migrate(nil, 1, 2)
	require.NoError(t, err, "an empty state asks")
	_, err = s.Migrate(nil, 1, 3)
	require.ErrorIs(t, err, ErrMigrate)
	assert.ErrorContains(t, err, "no way from version 1 to 3")
	_, err = s.Migrate([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 2, 1)
	assert.ErrorContains(t, err, "refuses 8 bytes")

	_, err = s.Migrate([]byte{1}, 7, 2)
	require.ErrorIs(t, err, ErrMigrate)
	assert.ErrorContains(t, err, "seven")
	slots := slotsOf(1)
	require.NoError(t, s.Score(slots, false), "a fresh instance goes on")
	up, err = s.Migrate([]byte{9, 0, 0, 0}, 1, 2)
	require.NoError(t, err)
	assert.Equal(t, []byte{9, 0, 0, 0, 0, 0, 0, 0}, up)
}

func TestMigrate_WithoutTheExport(t *testing.T) {
	s := scorer(t, host(t, Options{}), "points", plainManifest, pointsSpec())
	_, err := s.Migrate(nil, 1, 2)
	require.ErrorIs(t, err, ErrMigrate)
	assert.ErrorContains(t, err, "does not export ripen_migrate")
}
