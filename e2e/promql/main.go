// Command promql checks Prometheus rules and queries with Prometheus' own parser, and says what they name.
//
//	promql check FILE      a rule file, with its templates, as `promtool check rules` reads it
//	promql parse           reads a JSON array of expressions, writes one object for each
//	promql evaluate        reads samples, a time and expressions; writes how many series each gives then
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// The metrics and labels that an expression reads.
type named struct {
	Error   string              `json:"error,omitempty"`
	Metrics map[string][]string `json:"metrics"` // names, each with the labels its selectors match on
	Labels  []string            `json:"labels"`  // labels of by, without, on, ignoring and group_left
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "check":
		return check(args[1])
	case len(args) == 1 && args[0] == "parse":
		return parse()
	case len(args) == 1 && args[0] == "evaluate":
		return evaluate()
	}
	return fmt.Errorf("usage: promql check FILE | promql parse <EXPRESSIONS | promql evaluate <QUESTION")
}

func check(file string) error {
	if _, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default()); len(errs) > 0 {
		return fmt.Errorf("%s: %v", file, errs)
	}
	return nil
}

func parse() error {
	var expressions []string
	if err := json.NewDecoder(os.Stdin).Decode(&expressions); err != nil {
		return err
	}
	found := make([]named, 0, len(expressions))
	for _, expression := range expressions {
		found = append(found, names(expression))
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func names(expression string) named {
	found := named{Metrics: map[string][]string{}, Labels: []string{}}
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			matched := []string{}
			for _, matcher := range node.LabelMatchers {
				if matcher.Name != labels.MetricName {
					matched = append(matched, matcher.Name)
				}
			}
			found.Metrics[node.Name] = append(found.Metrics[node.Name], matched...)
		case *parser.AggregateExpr:
			found.Labels = append(found.Labels, node.Grouping...)
		case *parser.BinaryExpr:
			if node.VectorMatching != nil {
				found.Labels = append(found.Labels, node.VectorMatching.MatchingLabels...)
				found.Labels = append(found.Labels, node.VectorMatching.Include...)
			}
		}
		return nil
	})
	return found
}
