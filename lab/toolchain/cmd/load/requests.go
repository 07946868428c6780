package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"fortio.org/fortio/periodic"
)

// The output is read while the load runs.
const flushEvery = 200 * time.Millisecond

// line is one request. Began is in seconds since 1970, Took in seconds; Said is the status.
type line struct {
	Stream string  `json:"stream"`
	Began  float64 `json:"began"`
	Took   float64 `json:"took"`
	OK     bool    `json:"ok"`
	Said   string  `json:"said"`
}

type requests struct {
	lock   sync.Mutex
	output *bufio.Writer
}

func newRequests(output io.Writer) *requests {
	made := &requests{output: bufio.NewWriter(output)}
	go func() {
		for range time.Tick(flushEvery) {
			_ = made.flush()
		}
	}()
	return made
}

func (r *requests) flush() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.output.Flush()
}

func (r *requests) write(one line) {
	text, err := json.Marshal(one)
	if err != nil {
		panic(err) // of two numbers, two strings and a bool
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	_, _ = r.output.Write(append(text, '\n'))
}

// streamLogger is fortio's hook around each request of one stream.
type streamLogger struct {
	stream   string
	requests *requests
}

type cancelKey struct{}

// Start gives each request its time: fortio's gRPC runner has no limit of its own.
func (s *streamLogger) Start(ctx context.Context, _ periodic.ThreadID, _ int64, _ time.Time) context.Context {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	return context.WithValue(limited, cancelKey{}, cancel)
}

func (s *streamLogger) Report(
	ctx context.Context, _ periodic.ThreadID, _ int64, began time.Time, took float64, ok bool, said string,
) {
	if cancel, is := ctx.Value(cancelKey{}).(context.CancelFunc); is {
		cancel()
	}
	seconds := float64(began.UnixNano()) / float64(time.Second)
	s.requests.write(line{Stream: s.stream, Began: seconds, Took: took, OK: ok, Said: said})
}

func (s *streamLogger) Info() string { return s.stream }
