package natsd

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// How many lines about clients pass in how long. Anybody who can connect can
// provoke them without end.
const (
	clientLines  = 10
	clientPeriod = time.Minute
	clientText   = 400 // bytes of a line
)

// aboutClient matches what the server says of one client: "127.0.0.1:40312 -
// cid:7 - …".
var aboutClient = regexp.MustCompile(` - [cwm]id[_a-z]*:\d+ - `)

// serverLog sends the server's log to ours and remembers a fatal error, which
// the server only logs.
type serverLog struct {
	log hclog.Logger

	mu     sync.Mutex
	first  error
	since  time.Time // when the current period of lines about clients began
	passed int       // such lines in it
	left   int       // and those left out
}

func newServerLog(l hclog.Logger) *serverLog { return &serverLog{log: l} }

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Trace(fmt.Sprintf(format, v...)) }

// Errorf passes errors on. What a client did wrong is no error of ours.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if aboutClient.MatchString(text) {
		l.client(text)
		return
	}
	l.log.Error(text)
}

// Warnf passes warnings on, except for the one about passwords in the
// configuration: ours are made up at each start and never leave the process.
func (l *serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Plaintext passwords detected") {
		return
	}
	text := fmt.Sprintf(format, v...)
	if aboutClient.MatchString(text) {
		l.client(text)
		return
	}
	l.log.Warn(text)
}

// client warns of a client, unless there were many such lines just now.
func (l *serverLog) client(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var more []any
	if now := time.Now(); now.Sub(l.since) >= clientPeriod {
		if l.left > 0 {
			more = []any{"left_out_before", l.left}
		}
		l.since, l.passed, l.left = now, 0, 0
	}
	if l.passed == clientLines {
		l.left++
		return
	}
	if l.passed++; l.passed == clientLines {
		more = append(more, "note", "further lines about clients are left out for a while")
	}
	if len(text) > clientText { // clients choose names and subjects
		text = text[:clientText] + "…"
	}
	l.log.Warn(text, more...)
}

func (l *serverLog) Tracef(string, ...any) {}

func (l *serverLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.log.Error(err.Error())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}
