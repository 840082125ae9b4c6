package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// arrays is the number of requests with an array that are on their way.
const arrays = 64

// arraySize is the number of events in each.
const arraySize = 100

// variant is one way to bring events in.
type variant struct {
	name   string
	at     *site
	one    func(*nats.Conn, time.Time) (int64, error)
	target float64   // times plain at least, 0 = none
	rates  []float64 // events/s, by turn
	cpu    []float64 // µs of processor time an event, producers and server included
}

// Places of the variants.
const (
	plainPublish = iota
	single
	array
	singleScoring
	arrayScoring
)

func variants(s *settings, alone, scoring *site) []*variant {
	window := fmt.Sprintf("%d in flight", s.inflight)
	many := fmt.Sprintf("%d in flight", arrays)
	return []*variant{
		plainPublish:  {name: "JetStream publish per event, " + window, at: alone, one: plain(s, alone)},
		single:        {name: "(a) requests of one event, " + window, at: alone, one: requests(s, alone, 1, s.inflight), target: 4},
		array:         {name: "(b) requests of 100 events, " + many, at: alone, one: requests(s, alone, arraySize, arrays), target: 20},
		singleScoring: {name: "(a) requests of one event, " + window, at: scoring, one: requests(s, scoring, 1, s.inflight)},
		arrayScoring:  {name: "(b) requests of 100 events, " + many, at: scoring, one: requests(s, scoring, arraySize, arrays)},
	}
}

// report prints the table; it tells whether a target was missed.
func report(s *settings, list []*variant) (missed bool) {
	fmt.Printf("\nacknowledged as durable, median of %d turns of %s\n", s.turns, s.length)
	fmt.Printf("%-15s %-46s %10s %10s %9s %8s\n", "where", "what", "events/s", "cpu µs/ev", "ratio", "target")
	for _, v := range list {
		var ratios []float64
		for i := range v.rates {
			ratios = append(ratios, v.rates[i]/list[plainPublish].rates[i])
		}
		ratio, verdict := median(ratios), ""
		if v.target > 0 {
			verdict = fmt.Sprintf("≥ %.0f×  PASS", v.target)
			if ratio < v.target {
				verdict, missed = fmt.Sprintf("≥ %.0f×  FAIL", v.target), true
			}
		}
		fmt.Printf("%-15s %-46s %10.0f %10.1f %8.1f×   %s\n", v.at.name, v.name, median(v.rates), median(v.cpu), ratio, verdict)
	}
	return missed
}

func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}

// quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
