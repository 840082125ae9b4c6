package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
)

// cut keeps the first rows; top 0 keeps all.
func cut[T any](list []T, top int) []T {
	if top > 0 && len(list) > top {
		return list[:top]
	}
	return list
}

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

// mille prints per mille as a per cent; of nothing it is a dash.
func mille(m, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%d.%d %%", m/10, m%10)
}

func lift(percent int) string { return fmt.Sprintf("%d.%02d×", percent/100, percent%100) }

func figure(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

// tenth prints points rounded to a tenth.
func tenth(p lead.Points) string { return p.MulDiv(1, 100).MulDiv(100, 1).String() }

func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z07:00") }

// duration prints ms in the largest unit that leaves at least one of it.
func duration(ms int64) string {
	for _, u := range []struct {
		ms   int64
		name string
	}{{86_400_000, "d"}, {3_600_000, "h"}, {60_000, "min"}, {1000, "s"}} {
		if ms >= u.ms {
			if t := (ms*10 + u.ms/2) / u.ms; t%10 != 0 {
				return fmt.Sprintf("%d.%d %s", t/10, t%10, u.name)
			}
			return fmt.Sprintf("%d %s", (ms+u.ms/2)/u.ms, u.name)
		}
	}
	return fmt.Sprintf("%d ms", ms)
}
