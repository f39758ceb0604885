// The one program in the image that tests run as containers, and in the sandbox of every Pod.
//
//	probe sleep            waits until it is told to end
//	probe serve [ADDRESS]  answers HTTP requests with its host name, and prints a line for each; default :8080
//	probe get URL          prints what URL answers; status 1 where it does not answer 200; certificates are not checked
//	probe print TEXT…      prints TEXT and ends
package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "sleep":
		return sleep()
	case len(arguments) == 1 && arguments[0] == "serve":
		return serve(":8080")
	case len(arguments) == 2 && arguments[0] == "serve":
		return serve(arguments[1])
	case len(arguments) == 2 && arguments[0] == "get":
		return get(arguments[1])
	case len(arguments) > 1 && arguments[0] == "print":
		fmt.Println(strings.Join(arguments[1:], " "))
		return nil
	}
	return errors.New("usage: probe sleep | serve [ADDRESS] | get URL | print TEXT…")
}

// The first process of a PID namespace gets no signal that it does not ask for.
func sleep() error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
	return nil
}

func serve(address string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	go func() {
		_ = sleep()
		os.Exit(0)
	}()
	fmt.Println("listening on", address)
	server := http.Server{
		Addr:              address,
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			fmt.Println(request.Method, request.URL.Path)
			fmt.Fprintln(response, host)
		}),
	}
	return server.ListenAndServe()
}

func get(url string) error {
	client := http.Client{
		Timeout: 5 * time.Second,
		// It shows that a name leads somewhere, not who is there.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
