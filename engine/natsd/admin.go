package natsd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// adminFile holds the way into a running server. It is there while the server
// runs; one that a crash left behind opens nothing, because the login is new at
// each start.
const adminFile = "admin"

// adminUser is the operator: all rights, over the listener.
const adminUser = "admin"

// ErrNoAdmin says that no running server can be entered through the folder.
var ErrNoAdmin = errors.New("no way into the running engine")

// Admin is how the operator of a running embedded server reaches it.
type Admin struct {
	URL      string `json:"url"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// ReadAdmin reads the way into the server that runs on a data folder. Only who
// may read the folder's file, its owner that is, has it.
func ReadAdmin(dir string) (Admin, error) {
	name := filepath.Join(dir, adminFile)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Admin{}, fmt.Errorf("%w: %s is not there; the engine is starting or was built before this command, or does not listen", ErrNoAdmin, name)
	case errors.Is(err, fs.ErrPermission):
		return Admin{}, fmt.Errorf("%w: %w; run this command as the user of the engine", ErrNoAdmin, err)
	case err != nil:
		return Admin{}, fmt.Errorf("%w: %w", ErrNoAdmin, err)
	}
	var a Admin
	if err := json.Unmarshal(text, &a); err != nil || a.URL == "" || a.User == "" {
		return Admin{}, fmt.Errorf("%w: %s cannot be read; restart the engine, which writes it anew", ErrNoAdmin, name)
	}
	return a, nil
}

// writeAdmin writes the file for a server that listens. It is complete under
// its name or not there at all.
func (s *Server) writeAdmin() error {
	if s.opts.NoListen {
		return nil
	}
	text, err := json.Marshal(Admin{URL: s.url(), User: s.logins.admin.user, Password: s.logins.admin.password})
	if err != nil {
		return err
	}
	name := filepath.Join(s.folder.dir, adminFile)
	_ = os.Remove(name + ".new") // of a crash; it may have other permissions
	if err := os.WriteFile(name+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

// removeAdmin takes the file away; what remains of it would open nothing.
func (s *Server) removeAdmin() { _ = os.Remove(filepath.Join(s.folder.dir, adminFile)) }
