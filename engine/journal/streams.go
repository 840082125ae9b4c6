package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// EnsureStreams makes RIPEN_EVENTS and RIPEN_JOURNAL, or checks that they are
// ours and brings their limits to cfg. It returns the partition count, which
// is fixed when the streams are made. With cfg.ReadOnly it changes nothing.
//
// A server, an account or a stream that does not fit is refused with what was
// found, what is expected and what to change: ErrServer, ErrStreams,
// ErrPartitions. A cluster that is choosing a leader is waited for.
func EnsureStreams(ctx context.Context, js jetstream.JetStream, cfg Config) (n int, err error) {
	cfg = cfg.withDefaults()
	bounded, cancel := context.WithTimeout(ctx, cfg.OpenTimeout)
	defer cancel()
	var last error
	err = patiently(bounded, js.Conn(), cfg, "streams", func(ctx context.Context) error {
		n, last = ensureStreams(ctx, js, cfg)
		return last
	})
	switch {
	case ctx.Err() != nil:
		return 0, err
	case errors.Is(err, ErrUnresolved):
		return 0, unanswered(js.Conn(), cfg.OpenTimeout, last)
	}
	return n, err
}

func ensureStreams(ctx context.Context, js jetstream.JetStream, cfg Config) (int, error) {
	if cfg.Partitions < 0 || cfg.Partitions > maxPartitions {
		return 0, fmt.Errorf("%w: %d partitions are configured, expected 1 to %d", ErrPartitions, cfg.Partitions, maxPartitions)
	}
	if !cfg.ReadOnly { // who only reads needs few rights
		if err := checkServer(ctx, js); err != nil {
			return 0, err
		}
	}
	there, err := partitionsOf(ctx, js)
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return 0, fmt.Errorf("%w: %w", ErrServer, err)
	}
	if err != nil {
		return 0, err
	}
	switch {
	case there == 0 && cfg.ReadOnly:
		return 0, fmt.Errorf("%w: there is no %s; no engine has run here so far", ErrStreams, EventsStream)
	case there == 0 && cfg.Partitions == 0:
		cfg.Partitions = DefaultPartitions
	case there != 0 && cfg.Partitions == 0:
		cfg.Partitions = there
	case there != 0 && there != cfg.Partitions:
		return 0, fmt.Errorf("%w: the streams were made for %d partitions, %d are configured; "+
			"configure %d, or start on an empty data folder", ErrPartitions, there, cfg.Partitions, there)
	}
	if cfg.ReadOnly {
		return there, nil
	}
	for _, sc := range []jetstream.StreamConfig{eventsConfig(cfg), journalConfig(cfg)} {
		made, err := ensureStream(ctx, js, sc)
		if err != nil {
			return 0, err
		}
		if made && there != 0 {
			cfg.Logger.Error("a stream was missing and is made anew: what it held is gone, and all events are decided on again under the same ids", "stream", sc.Name)
		}
	}
	return cfg.Partitions, nil
}

// partitionsOf reads the partition count of existing streams, 0 without.
func partitionsOf(ctx context.Context, js jetstream.JetStream) (int, error) {
	s, err := js.Stream(ctx, EventsStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", EventsStream, err)
	}
	meta := s.CachedInfo().Config.Metadata
	if f := meta[metaFormat]; f != streamFormat {
		return 0, fmt.Errorf("%w: %s has %s=%q, this version knows %q; was it written by another Ripen?",
			ErrStreams, EventsStream, metaFormat, f, streamFormat)
	}
	n, err := strconv.Atoi(meta[metaPartitions])
	if err != nil || n < 1 || n > maxPartitions {
		return 0, fmt.Errorf("%w: %s has %s=%q, expected 1 to %d", ErrStreams, EventsStream, metaPartitions, meta[metaPartitions], maxPartitions)
	}
	return n, nil
}

// ensureStream makes a stream, or checks the one that is there.
func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (made bool, err error) {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = js.CreateStream(ctx, want); err == nil || !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err == nil, wrap(want.Name, explain(err, &want))
		}
		s, err = js.Stream(ctx, want.Name) // another engine was faster
	}
	if err != nil {
		return false, wrap(want.Name, err)
	}
	return false, fitStream(ctx, js, s, want)
}

// fitStream checks a stream and brings its limits up to date.
func fitStream(ctx context.Context, js jetstream.JetStream, s jetstream.Stream, want jetstream.StreamConfig) error {
	have := s.CachedInfo().Config
	if err := checkStream(&have, &want); err != nil {
		return err
	}
	copies := max(have.Replicas, want.Replicas) // never fewer than somebody asked for
	if have.MaxBytes == want.MaxBytes && have.MaxAge == want.MaxAge && have.Replicas == copies && !wide(&have, &want) {
		return nil
	}
	have.Subjects = want.Subjects
	have.MaxBytes, have.MaxAge, have.Replicas = want.MaxBytes, want.MaxAge, copies
	_, err := js.UpdateStream(ctx, have)
	return wrap(want.Name, explain(err, &want))
}

// wide says whether an events stream has the subjects of earlier versions.
func wide(have, want *jetstream.StreamConfig) bool {
	return want.Name == EventsStream && slices.Equal(slices.Sorted(slices.Values(have.Subjects)), slices.Sorted(slices.Values(anyPartition)))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func baseConfig(cfg Config, name string, subjects ...string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: subjects,
		Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
		Discard: jetstream.DiscardNew, MaxBytes: -1, Replicas: cfg.Replicas,
		Duplicates: 2 * time.Minute,
		Metadata:   map[string]string{metaFormat: streamFormat, metaPartitions: strconv.Itoa(cfg.Partitions)},
	}
}

// anyPartition are the subjects of an events stream of earlier versions: events
// on a subject that is no partition were stored there, and never read.
var anyPartition = []string{eventsPrefix + "*", ControlSubject}

// eventsConfig refuses events when it is full: never a silent drop.
func eventsConfig(cfg Config) jetstream.StreamConfig {
	subjects := []string{ControlSubject}
	for p := range cfg.Partitions {
		subjects = append(subjects, EventSubject(p))
	}
	sc := baseConfig(cfg, EventsStream, subjects...)
	sc.Description = "events of leads by partition, and ticks"
	sc.MaxAge = cfg.History
	if cfg.MaxBytes > 0 {
		sc.MaxBytes = cfg.MaxBytes
	}
	return sc
}

// journalConfig has no direct access: a read of the last record must come from
// the leader, never from a follower that lags behind.
func journalConfig(cfg Config) jetstream.StreamConfig {
	sc := baseConfig(cfg, JournalStream, recordPrefix+"*", decisionPrefix+">", rejectedPrefix+"*", shadowPrefix+"*")
	sc.Description = "records of partitions, decisions, rejected inputs and differences of shadows"
	sc.AllowAtomicPublish = true
	sc.RePublish = &jetstream.RePublish{Source: decisionPrefix + ">", Destination: livePrefix + ">"}
	return sc
}
