// Command load is both ends of the lab's measurements under load: `load ask` is the generator, fortio's runners as a
// library, and `load serve` an application that answers them and ends as one should. fortio's own command needs a
// module that the proxy does not give, so its packages are used here without it.
package main

import (
	"fmt"
	"os"

	"fortio.org/log"
)

func main() {
	// What goes wrong with a request is said here, on stderr; the requests themselves are the output.
	log.SetLogLevelQuiet(log.Warning)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "load: %v\n", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("say ask, serve or idle")
	}
	switch role := arguments[0]; role {
	case "ask":
		return ask(os.Stdin, os.Stdout)
	case "serve":
		return serve(arguments[1:])
	case "idle":
		// A pod for a generator to be started in.
		awaitEnd()
		return nil
	default:
		return fmt.Errorf("%q is none of ask, serve, idle", role)
	}
}
