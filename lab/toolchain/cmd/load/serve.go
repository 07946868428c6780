package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Less than a pod's grace period.
const endingTimeout = 30 * time.Second

// serve answers HTTP/1.1 and HTTP/2 without TLS on one port, or gRPC's health service, until SIGTERM; what is under way
// then is finished.
func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	address := flags.String("http", "", "host:port for HTTP")
	rpc := flags.String("grpc", "", "host:port for gRPC")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *rpc != "" {
		return serveGRPC(*rpc)
	}
	if *address == "" {
		return fmt.Errorf("serve: say -http or -grpc")
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Addr: *address, Handler: http.HandlerFunc(answer), Protocols: &protocols}
	go func() {
		awaitEnd()
		ctx, cancel := context.WithTimeout(context.Background(), endingTimeout)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	// Shutdown makes the listener return at once, and works on.
	time.Sleep(time.Second)
	return nil
}

func answer(response http.ResponseWriter, request *http.Request) {
	_, _ = io.Copy(io.Discard, request.Body)
	_, _ = io.WriteString(response, "answered\n")
}

func serveGRPC(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() {
		awaitEnd()
		server.GracefulStop()
	}()
	return server.Serve(listener)
}
