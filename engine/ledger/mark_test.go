package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

// full is an account in which every list that others write has an element.
func full(b *Book) *Account {
	a := NewAccount(b, "lead")
	a.Person, a.Company = lead.Props{{Name: "p"}}, lead.Props{{Name: "c"}}
	a.Marks = Marks{Episodes: make([]Episode, 1), Pending: make([]Pending, 1), True: make([]uint32, 1), Adjusts: make([]Adjust, 1)}
	a.Held = []lead.Event{{Lead: a.Key, Props: lead.Props{{Name: "p"}}, Traits: lead.Props{{}}, Context: lead.Props{{}}, Raw: []byte{0}}}
	return a
}

// Whichever field the core or the routes write, alone, the next delta tells it.
// A field that is new in the types is found here.
func TestDirty_EveryFieldThatOthersWrite(t *testing.T) {
	b, n := testBook(), 0
	paths := fieldsOf(reflect.TypeFor[Account](), nil)
	for _, path := range paths {
		name := strings.Join(path, ".")
		switch name {
		case "Key", "Held[].Lead": // the name of the lead never changes
			continue
		case "Held[].Redrive": // counts where events are admitted, and held ones are
			continue
		}
		n++
		a, copied := full(b), NewAccount(b, "lead")
		require.NoError(t, copied.ApplyDelta(a.AppendDelta(nil, b), b))
		field := find(reflect.ValueOf(a).Elem(), path)
		value := reflect.New(field.Type()).Elem()
		switch field.Kind() {
		case reflect.Bool:
			value.SetBool(true)
		case reflect.String:
			value.SetString("x")
		case reflect.Array:
			value.Index(value.Len() - 1).SetUint(1)
		case reflect.Float64:
			a.Held[0].Props[0].Value.Kind, a.Held[0].Traits[0].Value.Kind, a.Held[0].Context[0].Value.Kind = lead.Number, lead.Number, lead.Number
			require.NoError(t, copied.ApplyDelta(a.AppendDelta(nil, b), b))
			value.SetFloat(1)
		case reflect.Pointer:
			value.Set(reflect.ValueOf(&Drip{Due: 1, Release: "2"}))
		default:
			value.Set(reflect.ValueOf(1).Convert(field.Type()))
		}
		field.Set(value)
		require.True(t, a.Dirty(), name)
		require.NoError(t, copied.ApplyDelta(a.AppendDelta(nil, b), b), name)
		if !strings.Contains(name, "Value.Str") { // written only for texts
			require.Equal(t, encoded(a, b), encoded(copied, b), name)
		}
	}
	assert.Greater(t, n, 40)
}

// fieldsOf lists the ways to all plain fields that are written by others than
// this package; "[]" is the first element of a list.
func fieldsOf(typ reflect.Type, at []string) (paths [][]string) {
	switch typ.Kind() {
	case reflect.Struct:
		for i := range typ.NumField() {
			if f := typ.Field(i); f.Anonymous {
				paths = append(paths, fieldsOf(f.Type, at)...)
			} else if f.IsExported() && !ownedFields[f.Name] && !(len(at) == 0 && (f.Name == "Person" || f.Name == "Company")) {
				paths = append(paths, fieldsOf(f.Type, append(at[:len(at):len(at)], f.Name))...)
			}
		}
		return paths
	case reflect.Slice:
		last := len(at) - 1
		return fieldsOf(typ.Elem(), append(at[:last:last], at[last]+"[]"))
	}
	return [][]string{at}
}

func find(v reflect.Value, path []string) reflect.Value {
	for _, name := range path {
		list := strings.HasSuffix(name, "[]")
		if v = v.FieldByName(strings.TrimSuffix(name, "[]")); list {
			v = v.Index(0)
		}
	}
	return v
}

// ownedFields are changed by this package alone: it marks what it changes.
// Wake of a memo may be written by everybody.
var ownedFields = map[string]bool{"Buckets": true, "Uses": true, "Counters": true, "Peaks": true, "Steps": true}

// Warming changes nothing, of an empty and of a full account.
func TestWarm_OnlyReads(t *testing.T) {
	b := testBook()
	for _, a := range []*Account{NewAccount(b, "lead"), full(b), typical(b), {}} {
		before := encoded(a, &Book{})
		a.Warm()
		require.Equal(t, before, encoded(a, &Book{}))
	}
}

// Nobody outside writes what only marks can tell of: elements of Person and
// Company, which are copied on write, and the lists that this package owns.
func TestMarks_NobodyElseWrites(t *testing.T) {
	fset, files := token.NewFileSet(), 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, "../ledger/") {
			return err
		}
		src, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		for _, at := range foreignWrites(src) {
			t.Errorf("%s writes into an account what only the ledger may; use its methods", fset.Position(at))
		}
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, files, 100)
}

func TestForeignWrites(t *testing.T) {
	for _, tc := range []struct {
		line  string
		found int
	}{
		{"a.Steps[i].Wake = 0", 0},
		{"a.Clock, a.Steps[i].Wake = 1, 2", 0},
		{"a.Steps[i].Grade = 1", 1},
		{"a.Steps[i] = m", 1},
		{"w.acct.Buckets = nil", 1},
		{"a.Buckets[0].Count++", 1},
		{"a.Counters[0].Seen[1].Step += 2", 1},
		{"a.Person[0].Value = v", 1},
		{"a.Person = p", 0},
		{"m := &f.Acct.Steps[i]", 0},
		{"b.book.Steps = append(b.book.Steps, s)", 0},
	} {
		src, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+tc.line+"\n}", 0)
		require.NoError(t, err)
		assert.Len(t, foreignWrites(src), tc.found, tc.line)
	}
}

// foreignWrites finds assignments to the lists of an account. Lists of the same
// name that a book or a definition holds, and receivers' own, are none.
func foreignWrites(src *ast.File) (found []token.Pos) {
	check := func(e ast.Expr) {
		wake, indexed := false, false
		for {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e, indexed = x.X, true
				continue
			case *ast.StarExpr:
				e = x.X
				continue
			case *ast.SelectorExpr:
				name := x.Sel.Name
				if onAccount(x.X) && (ownedFields[name] && !(wake && name == "Steps") || indexed && (name == "Person" || name == "Company")) {
					found = append(found, e.Pos())
					return
				}
				wake = name == "Wake"
				e = x.X
				continue
			}
			return
		}
	}
	ast.Inspect(src, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			for _, e := range s.Lhs {
				check(e)
			}
		case *ast.IncDecStmt:
			check(s.X)
		}
		return true
	})
	return found
}

// onAccount says whether an expression looks like an account: a, acct, Acct.
func onAccount(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name == "a" || x.Name == "acct" || x.Name == "account"
	case *ast.SelectorExpr:
		return x.Sel.Name == "acct" || x.Sel.Name == "Acct"
	}
	return false
}
