package workflow

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// What one workflow may cost to read. The parser and everybody who walks its
// tree recurse, so nesting is bounded before the parser sees the text.
const (
	maxFileBytes   = 1 << 20
	maxFolderBytes = 8 << 20
	maxFiles       = 256
	maxDepth       = 64  // open brackets, braces, quotes around one token
	maxOperators   = 500 // operators in one expression
	maxExponent    = 300 // of a number literal
	maxDiags       = 500

	summaryUTF8 = "Invalid UTF-8"
)

// Unparsable is for other files in HCL: it finds what must not reach the parser,
// which recurses, or nil.
func Unparsable(name string, src []byte) *hcl.Diagnostic { return guard(name, src) }

// Broken says why a file is no HCL; nothing if it is.
func Broken(name string, src []byte) hcl.Diagnostics {
	if d := guard(name, src); d != nil {
		return hcl.Diagnostics{d}
	}
	_, diags := parseHCL(src, name)
	return diags
}

// guard finds what must not reach the parser: at most one diagnostic.
func guard(name string, src []byte) *hcl.Diagnostic {
	if len(src) > maxFileBytes {
		return value.Error(startOf(name), "File too large", fmt.Sprintf("%s has more than %d bytes (1 MiB). Keep long lists in a CSV file and read it with a table block.", name, maxFileBytes))
	}
	if at := invalidUTF8(src); at >= 0 {
		return value.Error(rangeAt(name, src, at), summaryUTF8, fmt.Sprintf("Byte %d of %s (0x%02x) is not valid UTF-8. Save the file as UTF-8.", at, name, src[at]))
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	g := gauge{operators: make([]int, 1, maxDepth)}
	for i := range tokens {
		if d := g.take(&tokens[i]); d != nil {
			return d
		}
	}
	return nil
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// gauge counts operators per open bracket.
type gauge struct {
	operators []int
	open      []hclsyntax.TokenType
}

func (g *gauge) take(t *hclsyntax.Token) *hcl.Diagnostic {
	switch t.Type {
	case hclsyntax.TokenOBrack, hclsyntax.TokenTemplateControl, hclsyntax.TokenTemplateInterp:
		if d := g.count(t); d != nil {
			return d
		}
		return g.push(t)
	case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		return g.push(t)
	case hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		if n := len(g.open); n > 0 {
			g.open, g.operators = g.open[:n-1], g.operators[:n]
		}
	case hclsyntax.TokenComma:
		g.operators[len(g.operators)-1] = 0
	case hclsyntax.TokenNewline:
		if n := len(g.open); n == 0 || g.open[n-1] == hclsyntax.TokenOBrace {
			g.operators[n] = 0
		}
	case hclsyntax.TokenNumberLit:
		return checkNumber(t)
	case hclsyntax.TokenIdent, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenComment, hclsyntax.TokenEOF, hclsyntax.TokenEqual:
	default:
		return g.count(t)
	}
	return nil
}

func (g *gauge) count(t *hclsyntax.Token) *hcl.Diagnostic {
	n := len(g.operators) - 1
	if g.operators[n]++; g.operators[n] <= maxOperators {
		return nil
	}
	return value.Error(t.Range, "Expression too long", fmt.Sprintf("This expression has more than %d operators. Split it, for instance into names of a let block, or keep long lists in a table.", maxOperators))
}

func (g *gauge) push(t *hclsyntax.Token) *hcl.Diagnostic {
	if len(g.open) >= maxDepth {
		return value.Error(t.Range, "Nested too deeply", fmt.Sprintf("More than %d brackets are open here. Take the inner parts out.", maxDepth))
	}
	g.open = append(g.open, t.Type)
	g.operators = append(g.operators, 0)
	return nil
}

// checkNumber refuses literals whose exact form would be huge: 1e999999999.
func checkNumber(t *hclsyntax.Token) *hcl.Diagnostic {
	mantissa, exponent, _ := bytes.Cut(bytes.ToLower(t.Bytes), []byte("e"))
	e, err := 0, error(nil)
	if len(exponent) > 0 {
		e, err = strconv.Atoi(string(exponent))
	}
	if err != nil || e > maxExponent || e < -maxExponent || len(mantissa) > maxExponent {
		return value.Error(t.Range, "Number out of range", fmt.Sprintf("%s is out of range: numbers have at most %d digits and an exponent of at most ±%d.", value.Shorten(string(t.Bytes)), maxExponent, maxExponent))
	}
	return nil
}

func startOf(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// rangeAt is the range of the byte at offset at.
func rangeAt(name string, src []byte, at int) hcl.Range {
	line := 1 + bytes.Count(src[:at], []byte("\n"))
	column := 1 + at - (1 + bytes.LastIndexByte(src[:at], '\n'))
	pos := hcl.Pos{Line: line, Column: column, Byte: at}
	end := pos
	end.Column, end.Byte = end.Column+1, end.Byte+1
	return hcl.Range{Filename: name, Start: pos, End: end}
}
