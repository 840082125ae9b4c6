package journal

import (
	"context"
	"time"
)

// Oldest is the oldest message that the events stream still has, and when it
// was stored; 0 for an empty stream. Whole says that nothing was ever removed
// in front of it.
func (j *Journal) Oldest(ctx context.Context) (seq uint64, at time.Time, whole bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	info, err := j.info(ctx, EventsStream)
	if err != nil {
		return 0, time.Time{}, false, err
	}
	s := &info.State
	if s.Msgs == 0 {
		return 0, time.Time{}, s.LastSeq == 0, nil
	}
	return s.FirstSeq, s.FirstTime, s.FirstSeq <= 1, nil
}
