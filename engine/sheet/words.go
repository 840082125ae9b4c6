package sheet

import (
	"fmt"
	"strconv"
	"time"
)

// Cut keeps the first rows; top 0 keeps all.
func Cut[T any](list []T, top int) []T {
	if top > 0 && len(list) > top {
		return list[:top]
	}
	return list
}

// Mille prints per mille as a per cent; of nothing it is a dash.
func Mille(m, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%d.%d %%", m/10, m%10)
}

// Count prints a number with thousands apart.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Stamp prints a time in ms.
func Stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z07:00") }

// Duration prints ms in the largest unit that leaves at least one of it.
func Duration(ms int64) string {
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
