package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// Headers of the server. The client library has no publisher for atomic
// batches, so they are set here.
const (
	headerBatchID    = "Nats-Batch-Id"
	headerBatchSeq   = "Nats-Batch-Sequence"
	headerBatchEnd   = "Nats-Batch-Commit"
	headerExpectLast = "Nats-Expected-Last-Subject-Sequence"
)

// Error codes of the server that mean "not stored, may pass".
const (
	codeNotLeader     = 10009
	codeWrongLast     = 10071
	codeExpectNotSet  = 10163 // expected sequence temporarily unavailable
	codeWrongLastR3   = 10164
	codeBatchPartial  = 10176
	codeBatchInflight = 10210
)

// apiError is an error that the server answered with.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("server says %q (%d)", e.Description, e.ErrCode)
}

// passing says whether a publish that was not stored may be tried again.
// Without an answer (timeout, no responders, disconnected) it may.
func passing(err error) bool {
	var api *apiError
	if !errors.As(err, &api) {
		return true
	}
	switch api.ErrCode {
	case codeNotLeader, codeWrongLast, codeExpectNotSet, codeWrongLastR3, codeBatchPartial, codeBatchInflight:
		return true
	}
	return false
}

// attempt publishes once and waits for the answer for so long. The result is
// the stream sequence of the record. With company the batch may be shared with
// other partitions; that is for a first attempt alone.
func (pt *Partition) attempt(ctx context.Context, outs []Output, record []byte, timeout time.Duration, company bool) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := failpoint.Err("commit.before"); err != nil {
		return 0, err
	}
	seq, err := pt.publish(ctx, &share{subject: pt.subject, expect: pt.head.seq, outs: outs, record: record}, company)
	if err == nil {
		err = failpoint.Err("commit.acked")
	}
	return seq, err
}

func (pt *Partition) publish(ctx context.Context, s *share, company bool) (uint64, error) {
	nc := pt.j.nc
	switch {
	case len(s.outs) == 0:
		failpoint.Soon("commit.sent")
		return pt.j.group.alone(ctx, s)
	case company:
		return pt.j.group.commit(ctx, s)
	}
	last, err := publishBatch(nc, []*share{s})
	if err != nil {
		return 0, err
	}
	return request(ctx, nc, last)
}

// request publishes a message and returns the sequence that the stream gave it.
func request(ctx context.Context, nc *nats.Conn, m *nats.Msg) (uint64, error) {
	answer, err := nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return 0, err
	}
	var ack struct {
		Stream string    `json:"stream"`
		Seq    uint64    `json:"seq"`
		Error  *apiError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, fmt.Errorf("answer of the stream: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.Seq == 0 {
		return 0, errors.New("answer of the stream has no sequence")
	}
	return ack.Seq, nil
}
