package workflow

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// parsed is a definition without plugins: what Diff looks at is the source.
func parsed(t *testing.T, src string, more ...string) *Definition {
	t.Helper()
	fsys := fstest.MapFS{"workflow.hcl": {Data: []byte(src)}}
	for i := 0; i+1 < len(more); i += 2 {
		fsys[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	def, _ := Load(fsys, Options{})
	return def
}

const diffBase = `
workflow "w" { display = "{grade} {recent}" }
table "rivals" { file = "rivals.csv" }
step "behavior-points" "recent" {
  floor = 0
  class "asked" {
    events = { "Demo Requested" = 100, "Trial Started" = 90 }
  }
}
step "fit-grade" "who" {
  grades = [{ A = trait.x == 1 }, { B = trait.y == 2 }, { D = true }]
}
route "sales-handoff" "warm" { when = oneof(grade, "A", "B") && recent >= 25 }
route "review" "odd" { when = idle("60d") }
route "nurture" "rest" { default = true }
label "hot" { when = recent >= 50 }
`

const rivals = "domain\na.example\nb.example\n"

func lines(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		sign := "~"
		switch {
		case c.Added():
			sign = "+"
		case c.Removed():
			sign = "-"
		}
		fmt.Fprintf(&b, "%s %s: %s", sign, c.Kind, strings.Join(c.Path, " > "))
		if c.Before != "" || c.After != "" {
			fmt.Fprintf(&b, ": %s -> %s", c.Before, c.After)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestDiff_R004_11_SaysWhatChanged(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"points", `"Demo Requested" = 100`, `"Demo Requested" = 80`,
			`~ rule: step "behavior-points" "recent" > class "asked" > events > "Demo Requested": 100 -> 80`},
		{"rule added", `"Trial Started" = 90 }`, `"Trial Started" = 90, "Account Created" = 70 }`,
			`+ rule: step "behavior-points" "recent" > class "asked" > events > "Account Created":  -> 70`},
		{"rule removed", `"Demo Requested" = 100, `, ``,
			`- rule: step "behavior-points" "recent" > class "asked" > events > "Demo Requested": 100 -> `},
		{"threshold", `recent >= 25`, `recent >= 30`,
			`~ threshold: route "sales-handoff" "warm" > when: oneof(grade, "A", "B") && recent >= 25 -> oneof(grade, "A", "B") && recent >= 30`},
		{"duration", `idle("60d")`, `idle("90d")`,
			`~ threshold: route "review" "odd" > when: idle("60d") -> idle("90d")`},
		{"condition", `oneof(grade, "A", "B")`, `grade == "A"`,
			`~ route: route "sales-handoff" "warm" > when: oneof(grade, "A", "B") && recent >= 25 -> grade == "A" && recent >= 25`},
		{"score", `floor = 0`, `floor = 5`,
			`~ score: step "behavior-points" "recent" > floor: 0 -> 5`},
		{"label", `recent >= 50`, `recent > 50`,
			`~ label: label "hot" > when: recent >= 50 -> recent > 50`},
		{"route removed", `route "review" "odd" { when = idle("60d") }`, ``,
			`- route: route "review" "odd"`},
		{"grade in between", `{ B = trait.y == 2 }`, `{ B = trait.y == 2 }, { C = trait.z == 3 }`,
			`+ rule: step "fit-grade" "who" > grades:  -> { C = trait.z == 3 }`},
		{"grade", `{ B = trait.y == 2 }`, `{ B = trait.y == 7 }`,
			`~ rule: step "fit-grade" "who" > grades: { B = trait.y == 2 } -> { B = trait.y == 7 }`},
		{"display", `"{grade} {recent}"`, `"{recent}"`,
			`~ workflow: workflow "w" > display: "{grade} {recent}" -> "{recent}"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, diffBase, c.from)
			changed := strings.Replace(diffBase, c.from, c.to, 1)
			got := lines(Diff(parsed(t, diffBase, "rivals.csv", rivals), parsed(t, changed, "rivals.csv", rivals)))
			require.Equal(t, c.want+"\n", got)
		})
	}
}

func TestDiff_R004_11_OrderTablesAndLayout(t *testing.T) {
	base := parsed(t, diffBase, "rivals.csv", rivals)
	t.Run("routes in another order", func(t *testing.T) {
		odd := `route "review" "odd" { when = idle("60d") }` + "\n"
		moved := strings.Replace(strings.Replace(diffBase, odd, "", 1), `route "sales-handoff" "warm"`, odd+`route "sales-handoff" "warm"`, 1)
		got := Diff(base, parsed(t, moved, "rivals.csv", rivals))
		require.Len(t, got, 1)
		require.Equal(t, ChangeOrder, got[0].Kind)
	})
	t.Run("rows of a table", func(t *testing.T) {
		got := lines(Diff(base, parsed(t, diffBase, "rivals.csv", "domain\na.example\nc.example\n")))
		require.Equal(t, "~ table: table \"rivals\" > rows: b.example -> c.example\n", got)
	})
	t.Run("layout, comments and files make no difference", func(t *testing.T) {
		at := strings.Index(diffBase, "step \"fit-grade\"")
		one := strings.ReplaceAll(diffBase[:at], "&&", "  && ")
		two := "# moved\n" + strings.ReplaceAll(diffBase[at:], "trait.x == 1", "trait.x==1 /* so */")
		require.Empty(t, lines(Diff(base, parsed(t, one, "z.hcl", two, "rivals.csv", rivals))))
	})
	t.Run("nothing", func(t *testing.T) { require.Empty(t, Diff(base, base)) })
}
