package main

import "github.com/docker/go/canonical/json"

const (
	statusDone    = 0
	statusRefused = 1
)

// canonical answers with a status byte and then the canonical form of a value, or why there is none. It decodes and encodes as
// the client does before it checks a signature; the client decodes into an object, which is one kind of value.
func canonical(value []byte) ([]byte, error) {
	var decoded interface{}
	if err := json.Unmarshal(value, &decoded); err != nil {
		return refused(err), nil
	}
	encoded, err := json.MarshalCanonical(decoded)
	if err != nil {
		return refused(err), nil
	}
	return append([]byte{statusDone}, encoded...), nil
}

func refused(err error) []byte {
	return append([]byte{statusRefused}, err.Error()...)
}
