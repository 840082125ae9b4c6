package store

import (
	"errors"

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
	d.db, err = pebble.Open(dir, &pebble.Options{FS: o.fs, ReadOnly: true, Logger: &logger{o.Logger}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()
	for p := range partitions {
		head, _, err := d.get(nil, appendPrefix(nil, uint16(p), keyHead))
		if err != nil {
			return err
		}
		newest, _, err := d.get(nil, appendPrefix(nil, uint16(p), keyNewest))
		if err != nil {
			return err
		}
		if err := fn(p, head, newest); err != nil {
			return err
		}
	}
	return nil
}
