package expr

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"

	"github.com/ripenhq/ripen/engine/ledger"
)

// FuzzCompileExpr: no source makes the compiler or what it compiled panic;
// what does not compile has a diagnostic with a place.
func FuzzCompileExpr(f *testing.F) {
	for _, src := range typical() {
		f.Add(src, `{grade} {recent}`)
	}
	for _, src := range []string{`trait.x == null`, `a ? b : c`, `"${1}"`, `1 / 0`, `-recent / 3e-9`, `abs(min(1, fit))`, `points(1/3) * 7 > recent`, `b && c`} {
		f.Add(src, `{{}} ${x} {`+src+`}`)
	}
	f.Fuzz(func(t *testing.T, src, template string) {
		e, diags := hclsyntax.ParseExpression([]byte(src), "fuzz.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		for want := Any; want <= String; want++ {
			s, frame := world(t)
			s.Lets = map[string]hcl.Expression{"a": e, "b": parse(t, `trait.n > 3 || a`), "c": parse(t, `b && b`)}
			_ = s.LetNames()
			x, diags := s.Compile(e, want)
			for _, d := range diags {
				assert.NotNil(t, d.Subject)
			}
			if x == nil {
				continue
			}
			frame.Acct.Peaks = make([][]ledger.Peak, len(s.Book.Peaks))
			run(x, frame)
			frame.Event = nil
			run(x, frame)
		}
		s, frame := world(t)
		text, _, diags := s.TextOf(template)
		if !diags.HasErrors() {
			frame.Acct.Peaks = make([][]ledger.Peak, len(s.Book.Peaks))
			_ = text(frame)
		}
	})
}

func run(x *Expr, f *ledger.Frame) {
	if x.Cond != nil {
		x.Cond(f)
	}
	if x.Number != nil {
		x.Number(f)
	}
	if x.Points != nil {
		x.Points(f)
	}
	if x.String != nil {
		x.String(f)
	}
}
