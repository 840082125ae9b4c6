package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Peek reads head and newest of partitions from a store that nobody has open, and
// changes nothing. Without a store, or with one of another format, there are none.
func Peek(dir string, partitions int, fn func(partition int, head, newest []byte) error) (err error) {
	o := Options{Dir: dir}.withDefaults()
	d := &DB{opts: o}
	found, err := d.read(formatFile)
	if err != nil || found != format {
		return err
	}
	if doubt, err := d.read(doubtFile); err != nil || doubt != "" { // it is made anew at the next start
		return err
	}
	// Without a listener damage would end the process.
	listener := &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	d.db, err = pebble.Open(dir, &pebble.Options{FS: o.fs, ReadOnly: true, Logger: &logger{o.Logger}, EventListener: listener})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()
	for p := range partitions {
		head, _, err := d.get(nil, appendPrefix(nil, uint16(p), keyHead))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		newest, _, err := d.get(nil, appendPrefix(nil, uint16(p), keyNewest))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if err := fn(p, head, newest); err != nil {
			return err
		}
	}
	return nil
}
