package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// A run's log is at most twice this: the file in use and the one before it.
	logFileBytes = 4 << 20
	// What a line may be long before it is cut in two, as in containerd.
	longestLine = 16 << 10
	logTime     = "2006-01-02T15:04:05.000000000Z07:00"
)

// output takes what a container writes: into its log, and to everyone who is attached.
type output struct {
	mu       sync.Mutex
	path     string
	file     *os.File
	size     int64
	attached map[*attachment]bool
	copying  sync.WaitGroup
	stdin    io.WriteCloser // nil unless the container asks for one
	terminal *os.File       // the master's side, if the container has a terminal
}

// attachment is one client that sees a container's output from now on.
type attachment struct {
	out, err io.Writer
}

func newOutput(path string) (*output, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	return &output{path: path, file: file, attached: map[*attachment]bool{}}, nil
}

// copyFrom writes everything that comes from one stream until it ends, in the log format of the CRI.
func (o *output) copyFrom(source *os.File, stream string) {
	o.copying.Add(1)
	go func() {
		defer o.copying.Done()
		defer source.Close()
		chunk := make([]byte, longestLine)
		var rest []byte
		for {
			n, err := source.Read(chunk)
			if n > 0 {
				rest = o.take(stream, rest, chunk[:n])
			}
			if err != nil {
				if len(rest) > 0 {
					o.take(stream, rest, []byte{'\n'})
				}
				return
			}
		}
	}()
}

// take logs all whole lines of rest and chunk with one write, and gives back what is left.
func (o *output) take(stream string, rest, chunk []byte) []byte {
	now := time.Now().Format(logTime)
	var entries bytes.Buffer
	add := func(tag string, line []byte) {
		for _, part := range []string{now, " ", stream, " ", tag, " "} {
			entries.WriteString(part)
		}
		entries.Write(line)
		entries.WriteByte('\n')
	}
	pending := append(rest, chunk...)
	for {
		end := bytes.IndexByte(pending, '\n')
		if end < 0 {
			break
		}
		add("F", pending[:end])
		pending = pending[end+1:]
	}
	if len(pending) >= longestLine {
		add("P", pending)
		pending = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for client := range o.attached {
		target := client.out
		if stream == "stderr" && client.err != nil {
			target = client.err
		}
		if _, err := target.Write(chunk); err != nil {
			delete(o.attached, client)
		}
	}
	if entries.Len() > 0 && o.file != nil {
		o.rotate(int64(entries.Len()))
		_, _ = o.file.Write(entries.Bytes())
	}
	return append([]byte(nil), pending...)
}

func (o *output) rotate(more int64) {
	o.size += more
	if o.size <= logFileBytes {
		return
	}
	_ = os.Rename(o.path, o.path+".1")
	if file, err := os.OpenFile(o.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644); err == nil {
		_ = o.file.Close()
		o.file, o.size = file, more
	}
}

// finish waits until the last words are in the log. A stream that something outside the container holds
// open must not keep the container from having ended.
func (o *output) finish() {
	const patience = 2 * time.Second
	done := make(chan struct{})
	go func() { o.copying.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.file.Close()
	o.file = nil
	if o.stdin != nil {
		_ = o.stdin.Close()
	}
}

func (o *output) attach(out, err io.Writer) (detach func()) {
	client := &attachment{out: out, err: err}
	if out == nil {
		client.out = io.Discard
	}
	o.mu.Lock()
	o.attached[client] = true
	o.mu.Unlock()
	return func() {
		o.mu.Lock()
		delete(o.attached, client)
		o.mu.Unlock()
	}
}

// standardStreams are the container's ends of its streams; they are closed here once it has started.
type standardStreams struct {
	in, out, err *os.File
	terminal     bool
}

func (s *standardStreams) close() {
	for _, file := range []*os.File{s.in, s.out, s.err} {
		if file != nil {
			_ = file.Close()
		}
	}
}

// open makes the streams of a container that may want its standard input or a terminal.
func (o *output) open(wantsInput, wantsTerminal bool) (*standardStreams, error) {
	if wantsTerminal {
		master, slave, err := openTerminal()
		if err != nil {
			return nil, err
		}
		o.terminal = master
		if wantsInput {
			o.stdin = noClose{master}
		}
		o.copyFrom(master, "stdout")
		return &standardStreams{in: slave, out: slave, err: slave, terminal: true}, nil
	}
	streams := &standardStreams{}
	for stream, end := range map[string]**os.File{"stdout": &streams.out, "stderr": &streams.err} {
		reader, writer, err := os.Pipe()
		if err != nil {
			streams.close()
			return nil, err
		}
		*end = writer
		o.copyFrom(reader, stream)
	}
	if !wantsInput {
		return streams, nil
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		streams.close()
		return nil, err
	}
	streams.in, o.stdin = reader, writer
	return streams, nil
}

// noClose keeps a terminal open when a client's input ends: its output goes on.
type noClose struct{ *os.File }

func (n noClose) Close() error { return nil }

// closedOrNil treats the end of a stream, in each of its forms, as no error.
func closedOrNil(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
