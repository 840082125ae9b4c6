package meter

import "fmt"

// Opcodes that the rewriter looks at or writes. The others only matter by the
// shape of their immediates, see immediates.
const (
	opUnreachable = 0x00
	opNop         = 0x01
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opElse        = 0x05
	opEnd         = 0x0b
	opBrIf        = 0x0d
	opBrTable     = 0x0e
	opLocalGet    = 0x20
	opLocalSet    = 0x21
	opLocalTee    = 0x22
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opTableSet    = 0x26
	opI32Const    = 0x41
	opI64Const    = 0x42
	opF32Const    = 0x43
	opF64Const    = 0x44
	opI64LtS      = 0x53
	opI64Sub      = 0x7d
	opI64ExtendU  = 0xad
	opRefNull     = 0xd0
	opRefFunc     = 0xd2
	opMisc        = 0xfc
	opVector      = 0xfd
	opAtomic      = 0xfe

	blockEmpty = 0x40
)

// Second bytes after opMisc.
const (
	miscMemoryInit = 8
	miscDataDrop   = 9
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscElemDrop   = 13
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

// shape says what follows an opcode.
type shape uint8

const (
	shapeUnknown shape = iota
	shapeNone
	shapeBlock  // block type
	shapeIndex  // one u32
	shapeIndex2 // two u32
	shapeMemArg // align, offset
	shapeZero   // one byte that must be zero
	shapeLocal  // a local's index, checked against the function
	shapeGlobal // a global's index, checked against the module
	shapeI32
	shapeI64
	shapeF32
	shapeF64
	shapeTable   // vector of labels and a default
	shapeRefType // one reference type
	shapeSelect  // vector of exactly one value type
	shapeMisc    // second opcode byte
)

var shapes = buildShapes()

func buildShapes() (s [256]shape) {
	for op := 0x45; op <= 0xc4; op++ { // comparisons, arithmetic, conversions, sign extension
		s[op] = shapeNone
	}
	for op := 0x28; op <= 0x3e; op++ { // loads and stores
		s[op] = shapeMemArg
	}
	for op, v := range map[byte]shape{
		opUnreachable: shapeNone, opNop: shapeNone, opElse: shapeNone, opEnd: shapeNone,
		opBlock: shapeBlock, opLoop: shapeBlock, opIf: shapeBlock,
		0x0c: shapeIndex, opBrIf: shapeIndex, opBrTable: shapeTable, 0x0f: shapeNone, // br, return
		0x10: shapeIndex, 0x11: shapeIndex2, // call, call_indirect
		0x1a: shapeNone, 0x1b: shapeNone, 0x1c: shapeSelect, // drop, select, select t
		opLocalGet: shapeLocal, opLocalSet: shapeLocal, opLocalTee: shapeLocal,
		opGlobalGet: shapeGlobal, opGlobalSet: shapeGlobal,
		0x25: shapeIndex, 0x26: shapeIndex, // table.get, table.set
		0x3f: shapeZero, 0x40: shapeZero, // memory.size, memory.grow
		opI32Const: shapeI32, opI64Const: shapeI64, opF32Const: shapeF32, opF64Const: shapeF64,
		opRefNull: shapeRefType, 0xd1: shapeNone, opRefFunc: shapeIndex,
		opMisc: shapeMisc,
	} {
		s[op] = v
	}
	return s
}

// opcodeName names an opcode that we refuse, as far as it belongs to a proposal.
func opcodeName(op byte) string {
	proposal := "unknown"
	switch {
	case op == opVector:
		proposal = "SIMD"
	case op == opAtomic:
		proposal = "threads and atomics"
	case op == 0x12 || op == 0x13 || op == 0x15:
		proposal = "tail call"
	case op >= 0x06 && op <= 0x0a || op == 0x18 || op == 0x19 || op == 0x1f:
		proposal = "exception handling"
	case op == 0x14 || op >= 0xd3 && op <= 0xd6:
		proposal = "typed function references"
	case op == 0xfb:
		proposal = "garbage collection"
	}
	return fmt.Sprintf("opcode %#02x (%s)", op, proposal)
}
