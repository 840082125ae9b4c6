package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
)

func more(all, top int) []string {
	if top > 0 && all > top {
		return []string{fmt.Sprintf("%d more: --top 0 shows all", all-top)}
	}
	return nil
}

// fewMark marks a figure that rests on too few leads.
func fewMark(few bool) string {
	if few {
		return "?"
	}
	return ""
}

func fewNote(rows [][]string) []string {
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasSuffix(cell, "?") {
				return []string{fmt.Sprintf("? = fewer than %d leads behind the figure: it can be chance", measure.Few)}
			}
		}
	}
	return nil
}

func lift(percent int) string { return fmt.Sprintf("%d.%02d×", percent/100, percent%100) }

func figure(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

// tenth prints points rounded to a tenth.
func tenth(p lead.Points) string { return p.MulDiv(1, 100).MulDiv(100, 1).String() }
