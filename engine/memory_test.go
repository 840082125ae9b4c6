package engine

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMemory_TheHeapGrowsByWhatIsLiveAndTheSlack(t *testing.T) {
	assert.Equal(t, 1000, gcPercent(0, 256<<20), "a heap that is nearly empty")
	assert.Equal(t, 1000, gcPercent(20<<20, 256<<20))
	assert.Equal(t, 356, gcPercent(100<<20, 256<<20))
	assert.Equal(t, 50, gcPercent(1<<30, 256<<20), "a large heap")
	assert.Equal(t, 116, gcPercent(508<<20, 256<<20), "up to what is roomy")
	assert.Equal(t, 50, gcPercent(1<<40, 256<<20))
	runtime.GC()
	assert.Positive(t, liveBytes())
}

func TestMemory_IsToldAfterEachCollection(t *testing.T) {
	told := make(chan struct{}, 100)
	afterCollection(func() { told <- struct{}{} })
	for range 3 {
		runtime.GC()
		select {
		case <-told:
		case <-time.After(10 * time.Second):
			t.Fatal("not told")
		}
	}
}
