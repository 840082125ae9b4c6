package ingest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersByHandAreThoseOfTheLibrary(t *testing.T) {
	for _, a := range []Answer{
		{Rejected: []Rejection{}},
		{Accepted: 100, Rejected: []Rejection{}},
		{Accepted: 1, Rejected: []Rejection{{Index: 1, Code: "c", Reason: "r \"x\""}}, MoreRejected: 2},
		failed(7, errBusy),
	} {
		want, err := json.Marshal(a)
		require.NoError(t, err)
		got, err := a.appendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}
