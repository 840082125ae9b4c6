package expr

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// TestCompare_PropertyWithNumber: the short way for a property and a number
// means what the operator means,
// however many properties there are, and allocates nothing.
func TestCompare_PropertyWithNumber(t *testing.T) {
	values := []lead.Value{{}, lead.NumberOf(4), lead.NumberOf(5), lead.NumberOf(6), lead.NumberOf(math.NaN()), lead.NumberOf(math.Inf(1)),
		lead.StringOf("5"), lead.StringOf("4.5"), lead.StringOf("many"), lead.BoolOf(true)}
	for i, op := range []string{"==", "!=", "<", "<=", ">", ">=", ">=", ">="} {
		name := []string{"m", "mmm", "mmmm", "mmmmm", "mmmmmmmm", "mmmmmmmmm", "mmmmmmm", "m.m"}[i]
		s, _ := world(t)
		short, diags := s.Compile(mustParse(t, "prop."+name+" "+op+" 5"), Bool)
		require.Empty(t, diags)
		turned, diags := s.Compile(mustParse(t, "5 "+op+" prop."+name), Bool)
		require.Empty(t, diags)
		want := func(v lead.Value, flip int) lead.Tri {
			x, ok := NumberOf(v)
			if !ok {
				return lead.Unknown
			}
			return lead.TriOf(holds(op)(flip * orderOf(x, 5)))
		}
		for _, others := range []int{0, 1, 4, 5, 30} {
			for _, v := range values {
				props := lead.Props{{Name: name, Value: v}, {Name: name[:len(name)-1] + "x", Value: lead.NumberOf(5)},
					{Name: "x" + name[1:] + "", Value: lead.NumberOf(5)}, {Name: name + "m", Value: lead.NumberOf(5)}}
				for i := range others {
					props = append(props, lead.Prop{Name: fmt.Sprintf("%c%d", 'a'+i%26, i), Value: lead.NumberOf(5)})
				}
				f := &ledger.Frame{Event: &lead.Event{Props: props.Sort()}}
				assert.Equal(t, want(v, 1), short.Cond(f), "%v %s 5 among %d", v, op, others)
				assert.Equal(t, want(v, -1), turned.Cond(f), "5 %s %v among %d", op, v, others)
				assert.Zero(t, testing.AllocsPerRun(10, func() { short.Cond(f) }))
			}
			f := &ledger.Frame{Event: &lead.Event{}}
			assert.Equal(t, lead.Unknown, short.Cond(f))
		}
		assert.Equal(t, lead.Unknown, short.Cond(&ledger.Frame{}))
	}
}
