package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fortio.org/fortio/fgrpc"
	"fortio.org/fortio/fhttp"
	"fortio.org/fortio/periodic"
)

// A request that takes longer is lost.
const requestTimeout = 5 * time.Second

// Stream is one kind of requests at a steady rate; all streams of a plan run side by side.
type Stream struct {
	Name string `json:"name"`
	// http1, http2 or grpc.
	Protocol string `json:"protocol"`
	// Of gRPC: host:port.
	URL         string  `json:"url"`
	Rate        float64 `json:"rate"`
	Connections int     `json:"connections"`
	// After how many requests at most a connection of HTTP/1.1 is replaced by a new one; 0: never.
	Reuse int `json:"reuse"`
	// An address in place of the URL's host, whose name is still asked for.
	Resolve string `json:"resolve"`
	// A file with the authorities of the other side.
	CACert string `json:"caCert"`
}

// Plan is the first line of the input. The streams end after Seconds, or when the input does.
type Plan struct {
	Seconds float64  `json:"seconds"`
	Streams []Stream `json:"streams"`
}

// ask runs a plan and writes a line of JSON for each request (see line in requests.go).
func ask(input io.Reader, output io.Writer) error {
	reader := bufio.NewReader(input)
	first, err := reader.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the plan must be one line of JSON: %w", err)
	}
	var plan Plan
	if err := json.Unmarshal(first, &plan); err != nil {
		return fmt.Errorf("the plan: %w", err)
	}
	log := newRequests(output)
	stops := make([]*periodic.Aborter, len(plan.Streams))
	ended := make(chan error, len(plan.Streams))
	for i, stream := range plan.Streams {
		stops[i] = periodic.NewAborter()
		options := periodic.RunnerOptions{
			QPS:          stream.Rate,
			Duration:     time.Duration(plan.Seconds * float64(time.Second)),
			NumThreads:   stream.Connections,
			AccessLogger: &streamLogger{stream: stream.Name, requests: log},
			Out:          io.Discard,
			Stop:         stops[i],
			Uniform:      true,
			// After a stall the rate is what it was: a burst would be a load of another kind.
			NoCatchUp: true,
		}
		go func() { ended <- stream.run(options) }()
	}
	go func() {
		// The caller says stop by closing the input; whatever else it says is of no interest.
		_, _ = io.Copy(io.Discard, reader)
		for _, stop := range stops {
			stop.Abort(true)
		}
	}()
	for range plan.Streams {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, log.flush())
}

func (s Stream) run(options periodic.RunnerOptions) error {
	if s.Protocol == "grpc" {
		_, err := fgrpc.RunGRPCTest(&fgrpc.GRPCRunnerOptions{
			RunnerOptions: options, Destination: s.URL, UsePing: false, Service: "", AllowInitialErrors: true,
		})
		return s.failed(err)
	}
	http := fhttp.HTTPOptions{
		URL:            s.URL,
		Resolve:        s.Resolve,
		TLSOptions:     fhttp.TLSOptions{CACert: s.CACert},
		HTTPReqTimeOut: requestTimeout,
		H2:             s.Protocol == "http2",
		LogErrors:      true,
	}
	if s.Reuse > 0 {
		http.ConnReuseRange = [2]int{1, s.Reuse}
	}
	http.Init(s.URL)
	_, err := fhttp.RunHTTPTest(&fhttp.HTTPRunnerOptions{
		RunnerOptions: options, HTTPOptions: http, AllowInitialErrors: true,
	})
	return s.failed(err)
}

func (s Stream) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", s.Name, err)
}

func awaitEnd() {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM, os.Interrupt)
	<-ends
}
