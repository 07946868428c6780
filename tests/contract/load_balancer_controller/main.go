// Command decisions asks the AWS Load Balancer Controller's own code which subnets it would choose, and what it would make
// of an Ingress. It reads both lists from standard input, as `layouts.py` and `ingresses.py` write them, and prints an
// answer for each, in their order.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type questions struct {
	Layouts   []layout            `json:"layouts"`
	Ingresses []map[string]string `json:"ingresses"` // the annotations of each
}

type answers struct {
	Layouts   []answer `json:"layouts"`
	Ingresses []made   `json:"ingresses"`
}

func main() {
	var asked questions
	exitOn(json.NewDecoder(os.Stdin).Decode(&asked))
	var found answers
	for _, one := range asked.Layouts {
		found.Layouts = append(found.Layouts, decide(one))
	}
	for _, annotations := range asked.Ingresses {
		found.Ingresses = append(found.Ingresses, modelOf(annotations))
	}
	exitOn(json.NewEncoder(os.Stdout).Encode(found))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "decisions: %v\n", err)
		os.Exit(1)
	}
}
