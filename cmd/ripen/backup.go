package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
)

func (a *app) backupCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup TO",
		Short: "Back up an engine's data, while it runs or not",
		Long: `Writes all streams of an engine (events, journal, snapshots, positions of
subscribers) into a new folder, or into one file if TO ends in .tar. A running
engine goes on meanwhile. What is written fits together: no event that the
journal has read is missing.

The backup holds a manifest with the SHA-256 of every file, and is read again
before the command ends. Keep it as the data itself: it holds your leads.`,
		Example: `  ripen backup --data /var/lib/ripen /backup/ripen-$(date +%F)
  ripen backup --data ripen-data ripen.tar`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.backup(cmd, list[0], asJSON) },
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the manifest as one JSON object")
	return cmd
}

func isTar(name string) bool { return strings.EqualFold(filepath.Ext(name), ".tar") }

func (a *app) backup(cmd *cobra.Command, to string, asJSON bool) (err error) {
	o, err := a.operator(cmd)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir := to
	if isTar(to) {
		if _, err := os.Lstat(to); err == nil {
			return fmt.Errorf("%s is there already; name another file", to)
		}
		dir = to + ".writing"
		_ = os.RemoveAll(dir) // of a run that did not end
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	bar := a.progress("backing up", -1, true)
	b, err := engine.BackUp(ctx, o, dir, bar.follow())
	bar.done()
	if err == nil && isTar(to) {
		err = writeTar(to, dir, b)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing is left behind")
	}
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(b)
	}
	a.printBackup(b)
	a.say("backed up to %s; test it: ripen restore %s --data /tmp/restored && ripen journal verify DIR --data /tmp/restored (DIR is the workflow's folder)", to, to)
	return nil
}

// follow adds up what is done stream by stream.
func (p *progress) follow() func(stream string, bytes int64) {
	last, at := "", int64(0)
	return func(stream string, bytes int64) {
		if stream != last {
			last, at = stream, 0
		}
		p.add(int(bytes - at))
		at = bytes
	}
}

func (a *app) printBackup(b *engine.Backup) {
	rows := [][]string{{"stream", "messages", "first", "last", "bytes", "sha256"}}
	for i := range b.Streams {
		s := &b.Streams[i]
		rows = append(rows, []string{s.Name, thousands(int(s.Msgs)), fmt.Sprint(s.First), fmt.Sprint(s.Last), thousands(int(s.Bytes)), s.SHA256[:12]})
	}
	a.printTable(rows, map[int]bool{1: true, 2: true, 3: true, 4: true})
}

// writeTar puts a backup into one file, the manifest first.
func writeTar(to, dir string, b *engine.Backup) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(to)
		}
	}()
	w := tar.NewWriter(f)
	names := []string{"manifest.json"}
	for i := range b.Streams {
		names = append(names, b.Streams[i].File)
	}
	for _, name := range names {
		if err := addToTar(w, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), f.Sync())
}

func addToTar(w *tar.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: filepath.Base(name), Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// readTar takes a backup out of its file.
func readTar(name, dir string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", engine.ErrBackup, name, err)
		}
		if h.Name != filepath.Base(h.Name) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%w: %s holds %q, which no backup does", engine.ErrBackup, name, h.Name)
		}
		if err := takeFile(r, filepath.Join(dir, h.Name)); err != nil {
			return fmt.Errorf("%w: %s: %w", engine.ErrBackup, name, err)
		}
	}
}

func takeFile(r io.Reader, name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

func (a *app) restoreCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore FROM",
		Short: "Make a data folder from a backup",
		Long: `Makes the data folder named by --data, which must be empty or not there, from a
backup. Every file is compared with its SHA-256 first; then the chain of each
partition's records is followed. The folder comes into being at the end, when all
of it is right.

The engine that starts on it goes on where the backup was made. Events and
decisions of after that moment are not in it: producers that send again are
recognised by their event ids, and decisions come again under the same ids.`,
		Example: `  ripen restore /backup/ripen-2026-03-01 --data /var/lib/ripen
  ripen journal verify workflows/letter-and-number --data /var/lib/ripen`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.restore(cmd, list[0], asJSON) },
	}
	bindSettings(cmd, "data", "log_level", "log_json")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was restored as one JSON object")
	return cmd
}

func (a *app) restore(cmd *cobra.Command, from string, asJSON bool) (err error) {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	o := engine.Options{Data: c.text("data"), Logger: a.logger(c)}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	info, serr := os.Stat(from)
	if errors.Is(serr, os.ErrNotExist) {
		return fmt.Errorf("found nothing at %s, expected a backup: a folder or a .tar file that ripen backup has written", from)
	}
	if serr == nil && info.Mode().IsRegular() {
		dir := filepath.Clean(o.Data) + ".unpacked"
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		if err := readTar(from, dir); errors.Is(err, engine.ErrBackup) {
			return no("%v", err)
		} else if err != nil {
			return err
		}
		from = dir
	}
	bar := a.progress("restoring", -1, true)
	r, err := engine.Restore(ctx, o, from, bar.follow())
	bar.done()
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing is left behind")
	case errors.Is(err, engine.ErrBackup):
		return no("%v", err)
	case err != nil:
		return err
	case asJSON:
		return json.NewEncoder(a.stdout).Encode(r)
	}
	a.printBackup(r.Backup)
	a.say("restored %s as it was at %s; next: ripen journal verify DIR --data %s, then ripen run DIR --data %s", o.Data, r.Backup.Made.Format("2006-01-02T15:04:05Z"), o.Data, o.Data)
	return nil
}
