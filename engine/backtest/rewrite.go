package backtest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
)

// SetWindow gives the decay steps of a workflow file another window, or takes
// them out if it is "off", and says how many it changed. A curve that has no
// window becomes a straight line; exceptions keep theirs.
func SetWindow(src []byte, window string) (out []byte, n int, err error) {
	file, err := parse(src)
	if err != nil {
		return nil, 0, err
	}
	for _, b := range file.Body().Blocks() {
		if b.Type() != "step" || len(b.Labels()) == 0 || b.Labels()[0] != "decay" {
			continue
		}
		n++
		if window == "off" {
			file.Body().RemoveBlock(b)
			continue
		}
		body := b.Body()
		for _, name := range []string{"steps", "table"} {
			if body.GetAttribute(name) != nil {
				body.RemoveAttribute(name)
				body.RemoveAttribute("curve")
			}
		}
		body.SetAttributeValue("window", cty.StringVal(window))
	}
	return file.Bytes(), n, nil
}

// SetThreshold changes the number that the routes to sales compare a score with
// (score >= 40, score > 40) and says how many it changed.
func SetThreshold(src []byte, sales []string, score string, to lead.Points) (out []byte, n int, err error) {
	file, err := parse(src)
	if err != nil {
		return nil, 0, err
	}
	for _, b := range file.Body().Blocks() {
		if b.Type() != "route" || len(b.Labels()) == 0 || !slices.Contains(sales, b.Labels()[0]) {
			continue
		}
		when := b.Body().GetAttribute("when")
		if when == nil {
			continue
		}
		tokens := when.Expr().BuildTokens(nil)
		changed := 0
		for i := 2; i < len(tokens); i++ {
			op := tokens[i-1].Type
			if tokens[i].Type != hclsyntax.TokenNumberLit || op != hclsyntax.TokenGreaterThanEq && op != hclsyntax.TokenGreaterThan {
				continue
			}
			named := tokens[i-2].Type == hclsyntax.TokenIdent && string(tokens[i-2].Bytes) == score
			if alone := i < 3 || tokens[i-3].Type != hclsyntax.TokenDot; named && alone {
				tokens[i].Bytes = []byte(to.String())
				changed++
			}
		}
		if changed > 0 {
			b.Body().SetAttributeRaw("when", tokens)
			n += changed
		}
	}
	return file.Bytes(), n, nil
}

func parse(src []byte) (*hclwrite.File, error) {
	file, diags := hclwrite.ParseConfig(src, "workflow", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fmt.Errorf("the workflow cannot be read again: %w", diags)
	}
	return file, nil
}

// IsDraft says whether a file was written by Suggestion.Source.
func IsDraft(src []byte) bool { return bytes.HasPrefix(src, []byte(draftHead)) }

const draftHead = "# A draft that the outcomes of "
