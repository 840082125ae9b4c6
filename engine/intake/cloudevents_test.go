package intake

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const bare = `{"type":"track","event":"Demo Requested"}`

func ceHeaders() map[string][]string {
	return map[string][]string{"ce-specversion": {"1.0"}, "ce-id": {"ce1"}, "ce-source": {"/web"}, "ce-type": {"com.acme.track"},
		"ce-subject": {`le"ad`}, "ce-time": {"2026-01-31T09:30:00Z"}, "content-type": {"application/json; charset=utf-8"}}
}

func TestCloudEvents_BinaryFillsWhatTheEventLacks(t *testing.T) {
	raw, rej := FromBinary(ceHeaders(), []byte(bare))
	require.Nil(t, rej)
	ev := decode(t, string(raw))
	assert.Equal(t, [3]any{"ce1", `le"ad`, at0}, [3]any{ev.ID, ev.Lead, ev.At})

	raw, rej = FromBinary(ceHeaders(), []byte(`{"type":"track","event":"E","messageId":"own","user_id":"mine","timestamp":"2026-01-31T09:30:01Z"}`))
	require.Nil(t, rej)
	ev = decode(t, string(raw))
	assert.Equal(t, [3]any{"own", "mine", at0 + 1000}, [3]any{ev.ID, ev.Lead, ev.At})
}

func TestCloudEvents_HeadersAsHTTPKeepsThem(t *testing.T) {
	h := http.Header{}
	for k, v := range ceHeaders() {
		h.Set(k, v[0])
	}
	require.True(t, IsCloudEvent(h))
	require.False(t, IsCloudEvent(http.Header{}))
	raw, rej := FromBinary(h, []byte(bare))
	require.Nil(t, rej)
	assert.Equal(t, "ce1", decode(t, string(raw)).ID)
}

func TestCloudEvents_Structured(t *testing.T) {
	head := `{"specversion":"1.0","id":"ce1","source":"/web","type":"t","subject":"u","time":"2026-01-31T09:30:00Z",`
	for name, rest := range map[string]string{
		"data": `"data":` + bare + `}`,
		"base64": `"datacontenttype":"application/json","ext":{"x":[1]},"data_base64":"` +
			`eyJ0eXBlIjoidHJhY2siLCJldmVudCI6IkRlbW8gUmVxdWVzdGVkIn0="}`,
	} {
		t.Run(name, func(t *testing.T) {
			raw, rej := FromStructured([]byte(head + rest))
			require.Nil(t, rej, "%+v", rej)
			ev := decode(t, string(raw))
			assert.Equal(t, [3]any{"ce1", "u", "Demo Requested"}, [3]any{ev.ID, ev.Lead, ev.Name})
		})
	}
	require.True(t, IsStructured("application/cloudevents+json; charset=utf-8"))
	require.False(t, IsStructured("application/json"))
}

func TestCloudEvents_Rejects(t *testing.T) {
	for name, change := range map[string][2]string{
		"version": {"ce-specversion", "0.3"}, "id": {"ce-id", ""}, "source": {"ce-source", ""}, "type": {"ce-type", ""},
		"xml": {"content-type", "application/xml"},
	} {
		t.Run("binary "+name, func(t *testing.T) {
			h := ceHeaders()
			h[change[0]] = []string{change[1]}
			_, rej := FromBinary(h, []byte(bare))
			require.NotNil(t, rej)
			assert.Equal(t, CodeCloudEvent, rej.Code)
			assert.Equal(t, bare, string(rej.Raw))
		})
	}
	head := `{"specversion":"1.0","id":"ce1","source":"/web","type":"t"`
	for in, code := range map[string]string{
		``: CodeCloudEvent, `[]`: CodeCloudEvent, head: CodeMalformed, head + `} x`: CodeMalformed,
		head + `}`: CodeCloudEvent, head + `,"data":"text"}`: CodeCloudEvent, head + `,"data_base64":"%%"}`: CodeCloudEvent,
		head + `,"subject":1,"data":{}}`: CodeCloudEvent, `{"data":{}}`: CodeCloudEvent,
	} {
		_, rej := FromStructured([]byte(in))
		require.NotNil(t, rej, in)
		assert.Equal(t, code, rej.Code, in)
		assert.Contains(t, rej.Reason, "expected", in)
	}
}

func FuzzCloudEvents(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"ce1","source":"/web","type":"t","subject":"u","time":"2026-01-31T09:30:00Z","data":`+bare+`}`), "id", "u", "2026-01-31T09:30:00Z")
	f.Add([]byte(`{"specversion":"1.0","data_base64":"e30="}`), "\x00", "\xff", "\"")
	d := NewDecoder(Options{})
	f.Fuzz(func(t *testing.T, b []byte, id, subject, at string) {
		h := ceHeaders()
		h["ce-id"], h["ce-subject"], h["ce-time"] = []string{id}, []string{subject}, []string{at}
		for _, from := range []func() ([]byte, bool){
			func() ([]byte, bool) { raw, rej := FromStructured(b); return raw, rej == nil },
			func() ([]byte, bool) { raw, rej := FromBinary(h, b); return raw, rej == nil },
		} {
			if raw, ok := from(); ok {
				if ev, rej := d.Decode(raw, 0); rej == nil {
					sane(t, ev)
				}
			}
		}
	})
}
