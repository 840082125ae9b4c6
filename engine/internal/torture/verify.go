package torture

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// verify runs the product's own replay check. Where streams have lost what was
// read there is nothing that it could agree with. When it is content one byte
// is changed, and it must not be.
func (r *round) verify(t *Tally) error {
	if !r.opts.verifies || len(r.excused) > 0 {
		return nil
	}
	args := r.verifyArgs()
	if _, err := r.ripen(args...); err != nil {
		return err
	}
	t.rows[RowVerified]++
	if r.server != nil {
		return nil // it has the file in its memory
	}
	p, err := r.damage(1, 3)
	if p < 0 || err != nil {
		return err
	}
	out, err := r.ripen(args...)
	if err == nil && purged(out, p) {
		r.note("the record lies in front of the snapshot from which verify begins")
		return nil
	}
	if err == nil {
		return errors.New("a byte of a record was changed, and it is still content")
	}
	if !strings.Contains(err.Error(), "exit status 1") {
		return err
	}
	t.rows[RowVerifyBites]++
	return nil
}

func (r *round) verifyArgs() []string {
	return append([]string{"journal", "verify", "-w", r.flow(), "--cache", r.opts.cache, "--clock", "stream"}, r.where()...)
}

// purged says whether verify began with a snapshot of a partition: a record in
// front of it is none of its business.
func purged(report []byte, p int) bool {
	return bytes.Contains(report, fmt.Appendf(nil, "partition %d: older records are purged", p))
}
