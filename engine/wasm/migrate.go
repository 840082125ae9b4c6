package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/sdk/abi"
)

// ErrMigrate says that a plugin cannot convert a state.
var ErrMigrate = errors.New("the plugin cannot convert the state of a lead")

// Migrate converts a state between two versions that the plugin knows. An empty
// state asks whether it knows both. The result is valid until the next call.
func (s *Scorer) Migrate(state []byte, from, to uint32) ([]byte, error) {
	if s.closed {
		return nil, fmt.Errorf("%w: step %q", ErrClosed, s.spec.Name)
	}
	name := s.plugin.manifest.Name + " " + s.plugin.manifest.Version
	if _, ok := s.plugin.info.Export(abi.ExportMigrate); !ok {
		return nil, fmt.Errorf("%w from version %d to %d: %s does not export %s; score from history instead", ErrMigrate, from, to, name, abi.ExportMigrate)
	}
	inst, err := s.take(false)
	if err != nil {
		return nil, err
	}
	code, f := inst.convert(state, from, to)
	if f == nil && code >= 0 {
		limit := uint32(abi.MaxState)
		if to == inst.p.desc.StateVersion {
			limit = inst.p.desc.StateMax
		}
		if s.moved, f = inst.converted(s.moved[:0], len(state), limit); f == nil {
			return s.moved, s.warm()
		}
	}
	switch {
	case f != nil:
		s.discard(inst, f)
		err = fmt.Errorf("%w from version %d to %d: %s: %w", ErrMigrate, from, to, name, f)
	case code == abi.MigrateUnknown:
		err = fmt.Errorf("%w: %s knows no way from version %d to %d; score from history instead", ErrMigrate, name, from, to)
	default:
		err = fmt.Errorf("%w: %s refuses %d bytes of version %d for version %d (code %d)", ErrMigrate, name, len(state), from, to, code)
	}
	return nil, errors.Join(err, s.warm())
}

// convert calls ripen_migrate with a state in the arena.
func (i *instance) convert(state []byte, from, to uint32) (int32, *fault) {
	if i.migrate == nil {
		i.migrate = i.mod.ExportedFunction(abi.ExportMigrate)
	}
	arena := i.bytes()
	if len(state) > abi.MaxState || len(state) > len(arena)-abi.MigrateState {
		return 0, bad(CodeResult, "a state of %d bytes does not fit the arena", len(state))
	}
	room := min(abi.MaxState, len(arena)-abi.MigrateState)
	binary.LittleEndian.PutUint32(arena[abi.MigrateLen:], uint32(len(state)))
	binary.LittleEndian.PutUint32(arena[abi.MigrateCap:], uint32(room))
	copy(arena[abi.MigrateState:], state)
	i.stack[0], i.stack[1] = uint64(from), uint64(to)
	i.calls++
	if f := i.call(i.migrate, i.p.fuel); f != nil {
		return 0, f
	}
	return int32(uint32(i.stack[0])), nil
}

// converted reads what convert left behind dst.
func (i *instance) converted(dst []byte, had int, limit uint32) ([]byte, *fault) {
	arena := i.bytes()
	n := binary.LittleEndian.Uint32(arena[abi.MigrateLen:])
	switch {
	case had == 0:
		return dst, nil
	case n > limit:
		return dst, bad(CodeResult, "the converted state has %d bytes, at most %d", n, limit)
	case uint64(n) > uint64(len(arena)-abi.MigrateState):
		return dst, bad(CodeResult, "the converted state of %d bytes ends outside the arena", n)
	}
	return append(dst, arena[abi.MigrateState:abi.MigrateState+int(n)]...), nil
}
