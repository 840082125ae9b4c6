package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/ledger"
)

// deltaVersion is the first byte of a record's delta.
const deltaVersion = 1

// errDelta says that a record's delta is damaged or of a newer version.
var errDelta = errors.New("state in the journal cannot be read")

// appendDays writes the days of receipt of a record's event ids, as runs.
func appendDays(dst []byte, ids []core.SeenID) []byte {
	dst = append(dst, deltaVersion)
	runs := 0
	for i := range ids {
		if i == 0 || ids[i].Day != ids[i-1].Day {
			runs++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(runs))
	for i := 0; i < len(ids); {
		k := i
		for k < len(ids) && ids[k].Day == ids[i].Day {
			k++
		}
		dst = binary.AppendUvarint(dst, uint64(k-i))
		dst = binary.AppendVarint(dst, int64(ids[i].Day))
		i = k
	}
	return dst
}

// readDelta gives the ids with their days and the accounts of a record.
func readDelta(rec *journal.Record, book *ledger.Book) ([]core.SeenID, []*ledger.Account, error) {
	b := rec.Delta
	if len(b) == 0 {
		return nil, nil, nil
	}
	if b[0] != deltaVersion {
		return nil, nil, fmt.Errorf("%w: record %d has version %d, this program reads %d", errDelta, rec.Number, b[0], deltaVersion)
	}
	ids, b, err := readDays(rec, b[1:])
	if err != nil {
		return nil, nil, err
	}
	var accounts []*ledger.Account
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			return nil, nil, fmt.Errorf("%w: record %d is truncated", errDelta, rec.Number)
		}
		a, err := ledger.DecodeAccount(b[k:k+int(n)], book)
		if err != nil {
			return nil, nil, fmt.Errorf("record %d: %w", rec.Number, err)
		}
		accounts = append(accounts, a)
		b = b[k+int(n):]
	}
	return ids, accounts, nil
}

func readDays(rec *journal.Record, b []byte) ([]core.SeenID, []byte, error) {
	bad := fmt.Errorf("%w: record %d has wrong days of receipt", errDelta, rec.Number)
	runs, k := binary.Uvarint(b)
	if k <= 0 || runs > uint64(len(b)) {
		return nil, nil, bad
	}
	b = b[k:]
	ids := make([]core.SeenID, 0, len(rec.Events))
	for range runs {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(rec.Events)-len(ids)) {
			return nil, nil, bad
		}
		day, m := binary.Varint(b[k:])
		if m <= 0 {
			return nil, nil, bad
		}
		b = b[k+m:]
		for range n {
			ids = append(ids, core.SeenID{Hash: rec.Events[len(ids)], Day: int32(day)})
		}
	}
	if len(ids) != len(rec.Events) {
		return nil, nil, bad
	}
	return ids, b, nil
}
