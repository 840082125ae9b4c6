package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func blob(mails ...mail) []byte {
	m := new(memory)
	m.n = copy(m.mails[:], mails)
	m.found[byBurst], m.ever = 7, true
	return append([]byte(nil), m.encode()...)
}

func TestState_WhatIsWrittenIsRead(t *testing.T) {
	want := []mail{{key: 1, delivered: 5}, {key: 2, n: 2, hits: [maxHits]hit{{event: 3, at: 4, link: 5, kind: isClick}, {event: 6, at: 4, kind: isRobots}}}}
	var m memory
	m.load(blob(want...))
	require.Equal(t, want, m.mails[:m.n])
	require.EqualValues(t, 7, m.found[byBurst])
	require.True(t, everFound(blob()))
	require.False(t, everFound(nil))
	m.load([]byte("nonsense"))
	require.Zero(t, m.n)
	require.Zero(t, m.found)
	require.Empty(t, m.encode(), "nothing to remember takes no room")
	require.EqualValues(t, 2560, stateMax, "as manifest and README say")
}

func TestState_HitsLieInOrderAndTheOldestGoes(t *testing.T) {
	var m mail
	for _, at := range []int64{5, 1, 3, 3} {
		m.add(hit{at: at})
	}
	require.Equal(t, []hit{{at: 1}, {at: 3}, {at: 3}, {at: 5}}, m.hits[:m.n])
	for i := range int64(maxHits) {
		m.add(hit{at: 10 + i})
	}
	require.Equal(t, maxHits, m.n)
	require.EqualValues(t, 10, m.hits[0].at)
	require.Equal(t, -1, m.add(hit{at: 9}))
	require.Equal(t, 0, m.add(hit{at: 10}), "of equal age, the newcomer is remembered")
}

// FuzzState: whatever a state holds, it is read whole or not at all.
func FuzzState(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{stateVersion, 255, 0, 0})
	f.Add(append([]byte{stateVersion, 0, 1, 0}, make([]byte, stateHead-4)...))
	f.Add(blob())
	f.Add(blob(mail{key: 9, delivered: 1, n: 1, hits: [maxHits]hit{{event: 1, at: 2, link: 3, kind: kindMask}}}))
	f.Add(blob(mail{n: 2, hits: [maxHits]hit{{at: 2}, {at: 1}}}))
	f.Add(append(blob(), 1))
	f.Fuzz(func(t *testing.T, state []byte) {
		m := new(memory)
		m.load(state)
		again := m.encode()
		require.LessOrEqual(t, len(again), stateMax)
		if m.n > 0 || everFound(again) {
			require.Equal(t, state, again)
		}
		m.forget(0)
		m.mail(1, 2).add(hit{at: 2})
		require.LessOrEqual(t, len(m.encode()), stateMax)
	})
}
