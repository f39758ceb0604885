package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"sort"

	notary "github.com/theupdateframework/notary/client"
	"github.com/theupdateframework/notary/storage"
	"github.com/theupdateframework/notary/trustpinning"
	"github.com/theupdateframework/notary/tuf"
	"github.com/theupdateframework/notary/tuf/data"
)

// step is one update of one repository.
type step struct {
	GUN string `json:"gun"`
	// Pins are key IDs of root certificates; without any the client trusts nothing it meets for the first time.
	Pins []string `json:"pins"`
	// Cache is the trust directory, in which the client remembers a repository from step to step.
	Cache string `json:"cache"`
	// Server is the base URL of a server; without one the client is answered out of Files.
	Server string `json:"server"`
	// Files are role files by name ("root.json", "1.root.json", "targets/releases.json").
	Files map[string][]byte `json:"files"`
}

// outcome is what the client makes of a step.
type outcome struct {
	Accepted bool `json:"accepted"`
	// ErrorType is the Go type of the error, such as "signed.ErrExpired".
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
	// Versions are those of all roles that the client has a valid file of.
	Versions map[string]int `json:"versions,omitempty"`
	// Targets are what `notary list --roles ROLE` shows of the role itself, for each role.
	Targets []target `json:"targets,omitempty"`
}

type target struct {
	Role string `json:"role"`
	Name string `json:"name"`
	// SHA256 is in hexadecimal digits, and empty where the target has none.
	SHA256 string `json:"sha256"`
	Length int64  `json:"length"`
}

func client(question []byte) ([]byte, error) {
	var asked step
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, fmt.Errorf("not a step: %v", err)
	}
	found, err := guarded(asked)
	if err != nil {
		return nil, err
	}
	return json.Marshal(found)
}

// guarded takes a panic of the library for a refusal: the client's own process would end without having accepted anything.
func guarded(asked step) (found outcome, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			found, err = outcome{ErrorType: "panic", Error: fmt.Sprint(reason)}, nil
		}
	}()
	return update(asked)
}

// update fails only where the step cannot be put to the client.
func update(asked step) (outcome, error) {
	gun := data.GUN(asked.GUN)
	metadata := filepath.Join(asked.Cache, "tuf", filepath.FromSlash(asked.GUN), "metadata")
	cache, err := storage.NewFileStore(metadata, "json")
	if err != nil {
		return outcome{}, err
	}
	server, transport := asked.Server, http.DefaultTransport
	if server == "" {
		server, transport = "http://files.invalid", files(asked.Files)
	}
	remote, err := storage.NewNotaryServerStore(server, gun, transport)
	if err != nil {
		return outcome{}, err
	}
	repository, _, err := notary.LoadTUFRepo(notary.TUFLoadOptions{
		GUN: gun,
		TrustPinning: trustpinning.TrustPinConfig{
			Certs:       map[string][]string{asked.GUN: asked.Pins},
			DisableTOFU: true,
		},
		Cache:       cache,
		RemoteStore: remote,
	})
	if err != nil {
		return outcome{ErrorType: fmt.Sprintf("%T", err), Error: err.Error()}, nil
	}
	found := outcome{Accepted: true, Versions: versions(repository)}
	found.Targets, err = targets(repository)
	return found, err
}

func versions(repository *tuf.Repo) map[string]int {
	found := map[string]int{
		data.CanonicalRootRole.String():      repository.Root.Signed.Version,
		data.CanonicalTimestampRole.String(): repository.Timestamp.Signed.Version,
		data.CanonicalSnapshotRole.String():  repository.Snapshot.Signed.Version,
	}
	for role, file := range repository.Targets {
		found[role.String()] = file.Signed.Version
	}
	return found
}

func targets(repository *tuf.Repo) ([]target, error) {
	found := []target{}
	reader := notary.NewReadOnly(repository)
	for role := range repository.Targets {
		listed, err := reader.ListTargets(role)
		if err != nil {
			return nil, err
		}
		for _, entry := range listed {
			// The list goes on with what is delegated further.
			if entry.Role == role {
				digest := hex.EncodeToString(entry.Hashes["sha256"])
				found = append(found, target{role.String(), entry.Name, digest, entry.Length})
			}
		}
	}
	sort.Slice(found, func(a, b int) bool {
		if found[a].Role != found[b].Role {
			return found[a].Role < found[b].Role
		}
		return found[a].Name < found[b].Name
	})
	return found, nil
}
