// Command lab-collector stands in for the OpenTelemetry collector: it takes spans over OTLP and counts them.
package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters send by default
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	collectorStandsIn = "this is the lab's stand-in for the OpenTelemetry collector: it counts the spans that it is sent and exports nothing"
	largestBatch      = 16 << 20
)

// collectorConfig is what the stand-in reads of a collector's configuration; the rest plays no part here.
type collectorConfig struct {
	Extensions struct {
		HealthCheck struct {
			Endpoint string `json:"endpoint"`
		} `json:"health_check"`
	} `json:"extensions"`
	Receivers struct {
		OTLP struct {
			Protocols struct {
				GRPC struct {
					Endpoint string `json:"endpoint"`
				} `json:"grpc"`
				HTTP struct {
					Endpoint string `json:"endpoint"`
				} `json:"http"`
			} `json:"protocols"`
		} `json:"otlp"`
	} `json:"receivers"`
}

// traceSink counts spans by the service that they are of.
type traceSink struct {
	collectortrace.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans map[string]int
}

// Export takes one batch, over gRPC or HTTP.
func (s *traceSink) Export(_ context.Context, request *collectortrace.ExportTraceServiceRequest) (*collectortrace.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		service := serviceName(resource)
		received := 0
		for _, scope := range resource.GetScopeSpans() {
			received += len(scope.GetSpans())
		}
		s.spans[service] += received
		fmt.Printf("received %d spans of %s, %d in all\n", received, service, s.spans[service])
	}
	return &collectortrace.ExportTraceServiceResponse{}, nil
}

func serviceName(resource *tracev1.ResourceSpans) string {
	for _, attribute := range resource.GetResource().GetAttributes() {
		if attribute.GetKey() == "service.name" {
			return attribute.GetValue().GetStringValue()
		}
	}
	return "a service without a name"
}

func main() {
	path := flag.String("config", "", "the collector's configuration, as JSON")
	flag.Parse()
	if err := run(*path); err != nil {
		fmt.Fprintf(os.Stderr, "lab-collector: %v\n", err)
		os.Exit(1)
	}
}

// run listens where the collector's configuration says, until it is told to stop.
func run(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config collectorConfig
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	protocols := config.Receivers.OTLP.Protocols
	fmt.Println(collectorStandsIn)
	fmt.Printf("OTLP over gRPC on %s, over HTTP on %s\n", protocols.GRPC.Endpoint, protocols.HTTP.Endpoint)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	sink := &traceSink{spans: map[string]int{}}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(largestBatch))
	collectortrace.RegisterTraceServiceServer(server, sink)
	listener, err := net.Listen("tcp", protocols.GRPC.Endpoint)
	if err != nil {
		return err
	}
	failed := make(chan error, 3)
	go func() { failed <- server.Serve(listener) }()
	receiver := http.NewServeMux()
	receiver.HandleFunc("POST /v1/traces", sink.receive)
	health := http.NewServeMux()
	health.HandleFunc("/", sink.report)
	for address, handler := range map[string]http.Handler{protocols.HTTP.Endpoint: receiver, config.Extensions.HealthCheck.Endpoint: health} {
		one := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		go func() { failed <- one.ListenAndServe() }()
	}
	select {
	case <-ctx.Done():
		server.GracefulStop()
		return nil
	case err := <-failed:
		return err
	}
}

// receive is OTLP over HTTP: Protobuf or JSON, compressed or not.
func (s *traceSink) receive(w http.ResponseWriter, r *http.Request) {
	request := &collectortrace.ExportTraceServiceRequest{}
	body, err := readBatch(r)
	isJSON := strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
	if err == nil && isJSON {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, request)
	} else if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = s.Export(r.Context(), request)
	if isJSON {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func readBatch(r *http.Request) ([]byte, error) {
	source := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		source = unpacked
	}
	body, err := io.ReadAll(io.LimitReader(source, largestBatch+1))
	if err == nil && len(body) > largestBatch {
		err = errors.New("the batch is too large")
	}
	return body, err
}

// report answers health checks, and says how many spans there were.
func (s *traceSink) report(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "Server available", "standIn": collectorStandsIn, "spans": s.spans})
}
