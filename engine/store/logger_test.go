package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"
)

func TestADiskThatRefusesWritesIsToldSeldom(t *testing.T) {
	var out bytes.Buffer
	d := &DB{opts: Options{Dir: "here", Logger: hclog.New(&hclog.LoggerOptions{Output: &out})}}
	on := d.events()
	for range 1000 {
		on.BackgroundError(errors.New("no space left on device"))
	}
	require.Equal(t, 1, strings.Count(out.String(), "cannot write"), out.String())
}
