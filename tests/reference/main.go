// Notary's own code, asked many questions by one process.
//
//	reference canonical  reads JSON values, answers with their canonical form
//	reference client     reads steps (see client.go), answers with what Notary's client library makes of each
//
// Questions and answers are frames: a length of four bytes, big-endian, and as many bytes. It ends with its input.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	// The library tells its log what it tells its caller.
	logrus.SetOutput(io.Discard)
	switch {
	case len(arguments) == 1 && arguments[0] == "canonical":
		return answer(canonical)
	case len(arguments) == 1 && arguments[0] == "client":
		return answer(client)
	}
	return errors.New("usage: reference canonical | client")
}

// answer puts every frame of the input to reply, until the input ends.
func answer(reply func([]byte) ([]byte, error)) error {
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		question, err := readFrame(input)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		found, err := reply(question)
		if err != nil {
			return err
		}
		if err := writeFrame(output, found); err != nil {
			return err
		}
	}
}

// readFrame answers io.EOF where the input ends between two frames.
func readFrame(input io.Reader) ([]byte, error) {
	var length uint32
	if err := binary.Read(input, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(input, frame); err != nil {
		return nil, fmt.Errorf("a frame is cut short: %v", err)
	}
	return frame, nil
}

func writeFrame(output *bufio.Writer, frame []byte) error {
	if err := binary.Write(output, binary.BigEndian, uint32(len(frame))); err != nil {
		return err
	}
	if _, err := output.Write(frame); err != nil {
		return err
	}
	return output.Flush()
}
